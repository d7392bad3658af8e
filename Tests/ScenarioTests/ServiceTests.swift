import Foundation
import TestKit
import Testing

extension Scenarios {
    @Suite("Under a service manager")
    struct Service {
        /// Listens on the ports of its first argument, and becomes the command behind it with these sockets passed on.
        private static let activator = """
            import fcntl, os, socket, sys
            ports, command = sys.argv[1].split(","), sys.argv[2:]
            sockets = [socket.create_server(("127.0.0.1", int(port))) for port in ports]
            # Out of the way first: the descriptors that are passed on begin with 3.
            copies = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, 100) for each in sockets]
            for index, copy in enumerate(copies): os.dup2(copy, 3 + index)
            os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(ports)))
            os.execv(command[0], command)
            """

        @Test("sockets that were passed are listened on, and one that nobody asked for is named in the log")
        func activation() throws {
            let sink = try Sink()
            let gateway = try RunningGateway(.init(relays: [.init(sink.port)]), starts: false)
            let other = Ports.free()
            // The others are the daemon's own. Were the passed ones not taken, their ports would be in use.
            let ports = [gateway.subscribers, other, gateway.submissions].map(String.init).joined(separator: ",")
            try gateway.start(through: ["/usr/bin/python3", "-c", Self.activator, ports])
            let client = try SMTPClient(port: gateway.subscribers)
            try client.hello()
            #expect(try client.message(to: ["a@target.example"], "Subject: x\r\n\r\nHello").delivered == 1)
            #expect(sink.messages.count == 1)
            #expect(
                eventually { gateway.log.contains("\"socket unused\",\"address\":\"127.0.0.1:\(other)\"") },
                "\(gateway.log)")
            #expect(gateway.stop() == .exited(0))
        }

        @Test("the manager hears of the start, signs of life, a reload and the end")
        func notifications() throws {
            let gateway = try RunningGateway(.init(relays: [.init(try Sink().port)]), starts: false)
            let manager = try DatagramSocket(gateway.folder.file("notify"))
            // In microseconds.
            let patience = 400_000
            try gateway.start(environment: [
                "NOTIFY_SOCKET": gateway.folder.file("notify"), "WATCHDOG_USEC": "\(patience)",
            ])
            #expect(manager.receive().hasPrefix("READY=1\n"))
            var silence = 0.0
            for _ in 0..<10 {
                let start = Date()
                #expect(manager.receive() == "WATCHDOG=1")
                silence = max(silence, Date().timeIntervalSince(start))
            }
            #expect(silence < Double(patience) / 1_000_000 || isSanitized, "\(silence) s without a sign of life")
            func next() -> String {
                while true {
                    let message = manager.receive()
                    if message != "WATCHDOG=1" { return message }
                }
            }
            kill(gateway.pid, SIGHUP)
            #expect(next().hasPrefix("RELOADING=1\n"))
            #expect(next() == "READY=1")
            #expect(gateway.stop() == .exited(0))
            #expect(next() == "STOPPING=1")
        }
    }
}
