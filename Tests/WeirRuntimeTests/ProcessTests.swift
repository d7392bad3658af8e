import Foundation
import Glibc
import TestKit
import Testing
import WeirRuntime

@Suite("The process")
struct ProcessTests {
    @Test("hears the signals that mean it, and lives through them")
    func signals() async throws {
        let heard = Inbox<Signals.Signal>()
        try Signals.receive { heard.put($0) }
        for (signal, expected) in [(SIGHUP, Signals.Signal.reload), (SIGTERM, .terminate), (SIGINT, .terminate)] {
            kill(getpid(), signal)
            #expect(await heard.next() == expected)
        }
        kill(getpid(), SIGPIPE)
    }

    @Test("tells the service manager, over a path and over an abstract name", arguments: [false, true])
    func notifies(isAbstract: Bool) throws {
        let directory = try TemporaryDirectory()
        let path = (isAbstract ? "@" : "") + directory.path + "/notify"
        let socket = try DatagramSocket(path)
        let manager = ServiceManager { ["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "30000000"][$0] }
        #expect(manager.watchdogMicroseconds == 30_000_000)
        manager.notify(.ready, .status("two\nlines"))
        #expect(socket.receive() == "READY=1\nSTATUS=two lines")
        manager.notify(.watchdog)
        #expect(socket.receive() == "WATCHDOG=1")
        manager.notify(.stopping)
        #expect(socket.receive() == "STOPPING=1")
        manager.notify(.reloading)
        let reloading = socket.receive().split(separator: "=")
        #expect(reloading.dropLast() == ["RELOADING", "1\nMONOTONIC_USEC"])
        #expect((reloading.last.flatMap { UInt64($0) } ?? 0) > 0)
    }

    @Test(
        "tells nobody when nobody asked",
        arguments: ["", "relative", "/missing/socket", "/" + String(repeating: "x", count: 200)])
    func notifiesNobody(path: String) {
        ServiceManager { ["NOTIFY_SOCKET": path][$0] }.notify(.ready)
        ServiceManager { _ in nil }.notify(.ready)
        #expect(ServiceManager { ["WATCHDOG_USEC": "5", "WATCHDOG_PID": "1"][$0] }.watchdogMicroseconds == nil)
    }

    /// Two descriptors in a row; other tests open theirs meanwhile.
    private static func neighbours() -> (Int32, Int32)? {
        for least in stride(from: 500 as Int32, to: 4_000, by: 25) {
            let first = fcntl(0, F_DUPFD, least)
            let second = fcntl(0, F_DUPFD, first + 1)
            if first >= 0, second == first + 1 { return (first, second) }
            close(first)
            close(second)
        }
        return nil
    }

    @Test("takes the sockets that were passed to it, by name")
    func takesSockets() throws {
        let (first, second) = try #require(Self.neighbours())
        defer {
            close(first)
            close(second)
        }
        func take(_ variables: [String: String]) -> [ServiceManager.Socket] {
            ServiceManager.takeSockets(environment: { variables[$0] }, first: first)
        }
        let own = "\(getpid())"
        let taken = take(["LISTEN_PID": own, "LISTEN_FDS": "2", "LISTEN_FDNAMES": "submission:submissions"])
        #expect(taken.map(\.name) == ["submission", "submissions"])
        #expect(taken.map(\.descriptor) == [first, second])
        #expect(fcntl(first, F_GETFD) & FD_CLOEXEC != 0)
        #expect(take(["LISTEN_PID": own, "LISTEN_FDS": "1"]).map(\.name) == ["unknown"])
        #expect(take(["LISTEN_PID": "1", "LISTEN_FDS": "2"]).isEmpty)
        for count in ["0", "-1", "65", "99999999999999999999", "x"] {
            #expect(take(["LISTEN_PID": own, "LISTEN_FDS": count]).isEmpty)
        }
        #expect(take([:]).isEmpty)
    }

    @Test("raises its limit on descriptors to what it may have")
    func raisesLimit() throws {
        let raised = try System.raiseDescriptorLimit()
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        #expect(UInt64(limit.rlim_cur) == raised)
        #expect(limit.rlim_cur == limit.rlim_max)
    }

    @Test("knows the boot by its name")
    func bootID() throws {
        let id = try System.bootID()
        #expect(UUID(uuidString: id) != nil)
        #expect(try System.bootID() == id)
    }
}
