import Synchronization

/// What other threads hand to an executor: jobs to run and calls to make.
struct Mailbox: ~Copyable {
    struct Contents {
        var jobs: [UnownedJob] = []
        var calls: [@Sendable () -> Void] = []

        var isEmpty: Bool { jobs.isEmpty && calls.isEmpty }
    }

    private let contents = Mutex(Contents())

    /// Returns whether the box was empty before: then its owner must be woken.
    func put(_ job: UnownedJob) -> Bool {
        contents.withLock { contents in
            defer { contents.jobs.append(job) }
            return contents.isEmpty
        }
    }

    /// Returns whether the box was empty before: then its owner must be woken.
    func put(_ call: @escaping @Sendable () -> Void) -> Bool {
        contents.withLock { contents in
            defer { contents.calls.append(call) }
            return contents.isEmpty
        }
    }

    func empty() -> Contents {
        contents.withLock {
            let taken = $0
            $0 = Contents()
            return taken
        }
    }
}
