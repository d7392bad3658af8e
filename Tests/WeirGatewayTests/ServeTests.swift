import Foundation
import Glibc
import TestKit
import Testing

/// What a service manager would hear: a datagram socket at a path.
private final class NotifySocket: Sendable {
    let path: String
    private let descriptor: Int32

    init(_ path: String) throws {
        self.path = path
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        var limit = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let status = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard status == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    }

    deinit { close(descriptor) }

    /// The next message; empty when none came in time.
    func next() -> String {
        var octets = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &octets, octets.count, 0)
        return String(decoding: octets.prefix(max(0, count)), as: UTF8.self)
    }
}

@Suite("weir serve") struct ServeTests {
    @Test("tells its service manager how it goes, reloads on SIGHUP, and ends with 0 on SIGTERM")
    func signals() throws {
        let home = try Gate.Home()
        let manager = try NotifySocket(home.folder.file("notify"))
        let log = home.folder.file("log")
        let daemon = try Program(
            weir, ["serve", "--config", home.path], output: log, environment: ["NOTIFY_SOCKET": manager.path])
        #expect(manager.next() == "READY=1\nSTATUS=relaying")
        try home.folder.write("plan: home\nlimits: [7 recipients per hour]\n", to: "policies/home.yaml")
        kill(daemon.pid, SIGHUP)
        #expect(manager.next().hasPrefix("RELOADING=1\nMONOTONIC_USEC="))
        #expect(manager.next() == "READY=1")
        try home.folder.write("plan: home\nlimits: [7 recipients per eon]\n", to: "policies/home.yaml")
        kill(daemon.pid, SIGHUP)
        #expect(manager.next().hasPrefix("RELOADING=1\n"))
        #expect(manager.next() == "READY=1", "a reload that is refused is done, too")
        kill(daemon.pid, SIGTERM)
        #expect(manager.next() == "STOPPING=1")
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
