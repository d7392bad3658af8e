import TestKit
import Testing
import WeirQuota

extension Scenarios {
    @Suite("A disk that fails")
    struct SyncErrors {
        /// While the number is 1, the next sync fails, and it becomes 2.
        private static let source = """
            #include <errno.h>

            static int sync_by(long call, int file) {
                int64_t armed = 1;
                if (word && __atomic_compare_exchange_n(word, &armed, 2, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
                    errno = EIO;
                    return -1;
                }
                return (int)syscall(call, file);
            }

            int fsync(int file) { return sync_by(SYS_fsync, file); }
            int fdatasync(int file) { return sync_by(SYS_fdatasync, file); }
            """

        @Test(
            "one sync that fails ends the daemon before anything goes out that it should have kept, and every count is there after",
            .enabled(if: !isSanitized, "a sanitizer wants to be loaded first"))
        func failingSync() throws {
            let library = try PreloadedLibrary(Self.source)
            let sink = try Sink()
            let gateway = try RunningGateway(
                .init(
                    relays: [.init(sink.port)], limits: ["1000 recipients per day"], accounts: [Limits.account]),
                starts: false)
            try gateway.start(environment: library.environment)
            let clients = try (0..<8).map { _ in try Limits.session(gateway) }
            for client in clients {
                #expect(try client.message(to: ["a@target.example", "b@target.example"], "\r\nHello").delivered == 2)
            }
            library.word.pointee = 1
            let answers = inParallel(8) { index in
                try? clients[index].message(to: ["c@target.example"], "\r\nHello")
            }
            #expect(answers.allSatisfy { $0?.delivered ?? 0 == 0 }, "\(answers)")
            #expect(eventually { !gateway.isRunning })
            #expect(library.word.pointee == 2)
            #expect(gateway.stop() == .exited(75), "\(gateway.log)")
            #expect(gateway.log.contains("weir: the store's disk failed, so this process must end"))
            #expect(sink.recipients == 16)
            // What was in flight may have been counted.
            let stored = try StoredCounts.amount(of: Limits.account.login, in: gateway.store).recipients
            #expect((16...24).contains(stored), "\(stored)")

            try gateway.start()
            let again = try Limits.session(gateway).message(to: ["d@target.example"], "\r\nHello")
            #expect(again.delivered == 1 && sink.recipients == 17)
            #expect(gateway.stop() == .exited(0))
            #expect(try StoredCounts.amount(of: Limits.account.login, in: gateway.store).recipients == stored + 1)
        }
    }
}
