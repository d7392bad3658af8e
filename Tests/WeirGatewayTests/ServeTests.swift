import Foundation
import Glibc
import TestKit
import Testing

@Suite("weir serve") struct ServeTests {
    @Test("tells its service manager how it goes, reloads on SIGHUP, and ends with 0 on SIGTERM")
    func signals() throws {
        let home = try Gate.Home()
        let address = home.folder.file("notify")
        let manager = try DatagramSocket(address)
        let log = home.folder.file("log")
        let daemon = try Program(
            weir, ["serve", "--config", home.path], output: log, environment: ["NOTIFY_SOCKET": address])
        #expect(manager.receive() == "READY=1\nSTATUS=relaying")
        try home.folder.write("plan: home\nlimits: [7 recipients per hour]\n", to: "policies/home.yaml")
        kill(daemon.pid, SIGHUP)
        #expect(manager.receive().hasPrefix("RELOADING=1\nMONOTONIC_USEC="))
        #expect(manager.receive() == "READY=1")
        try home.folder.write("plan: home\nlimits: [7 recipients per eon]\n", to: "policies/home.yaml")
        kill(daemon.pid, SIGHUP)
        #expect(manager.receive().hasPrefix("RELOADING=1\n"))
        #expect(manager.receive() == "READY=1", "a reload that is refused is done, too")
        kill(daemon.pid, SIGTERM)
        #expect(manager.receive() == "STOPPING=1")
        #expect(daemon.wait(seconds: 30) == .exited(0))
        let events = text(of: log).split(separator: "\n").compactMap {
            $0.split(separator: "\"event\":\"").last?.split(separator: "\"").first
        }
        #expect(events.map(String.init) == ["started", "reloaded", "reload refused", "stopping", "stopped"])
    }

    @Test("says what is wrong with its configuration, all of it, and ends with 78")
    func configuration() throws {
        let home = try Gate.Home(settings: ["hostname: no host", "contact: nobody"])
        let outcome = try Program.run(weir, ["serve", "--config", home.path])
        #expect(outcome.status == 78)
        let lines = outcome.errors.split(separator: "\n")
        #expect(lines.count == 2 && lines.allSatisfy { $0.hasPrefix("\(home.path):") }, "\(outcome.errors)")
        #expect(outcome.output.isEmpty)
    }
}
