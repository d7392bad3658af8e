internal import CAres
internal import CLinux
internal import Glibc
import Synchronization
package import WeirBase

/// A thread for work that blocks (SQLite, password hashes), as an executor: its tasks run one at a time.
///
/// `@unchecked Sendable`: the ready queue and the timers are touched on its own thread alone; the mailbox locks, and the
/// condition is guarded by its mutex.
package final class WorkerThread: RuntimeExecutor, @unchecked Sendable {
    private let clock: AnchoredClock
    private let mailbox = Mailbox()
    private let condition: UnsafeMutablePointer<pthread_cond_t> = .allocate(capacity: 1)
    private let mutex: UnsafeMutablePointer<pthread_mutex_t> = .allocate(capacity: 1)
    private var mailWaits = false  // Guarded by `mutex`.
    private var stopping = false
    private nonisolated(unsafe) var thread = pthread_t()  // Written once, before anybody joins.

    package init(clock: AnchoredClock, name: String) throws(SystemError) {
        self.clock = clock
        pthread_mutex_init(mutex, nil)
        // Or a wall clock that is set back would make every wait longer by as much.
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
        super.init()
        thread = try startThread(name: name) { [self] in run() }
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    package override var now: Instant { clock.now }

    package override func enqueue(_ job: consuming ExecutorJob) {
        if mailbox.put(UnownedJob(job)) { wake() }
    }

    package override func post(_ body: @escaping @Sendable () -> Void) {
        if mailbox.put(body) { wake() }
    }

    /// Ends the thread after the jobs that are ready, and waits for it. From another thread, once.
    package func stop() {
        post { self.stopping = true }
        pthread_join(thread, nil)
    }

    private func wake() {
        pthread_mutex_lock(mutex)
        mailWaits = true
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
    }

    private func run() {
        while !stopping {
            let contents = mailbox.empty()
            for call in contents.calls { call() }
            for job in contents.jobs { job.runSynchronously(on: asUnownedTaskExecutor()) }
            fireTimers()
            if contents.isEmpty { waitForMail() }
        }
        for job in mailbox.empty().jobs { job.runSynchronously(on: asUnownedTaskExecutor()) }
    }

    private func waitForMail() {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        if !mailWaits {
            if let next = timers.next {
                var until = timespec()
                clock_gettime(CLOCK_MONOTONIC, &until)
                let total = UInt64(until.tv_nsec) + min(next.since(now), .minute)
                until.tv_sec += Int(total / .second)
                until.tv_nsec = Int(total % .second)
                pthread_cond_timedwait(condition, mutex, &until)
            } else {
                pthread_cond_wait(condition, mutex)
            }
        }
        mailWaits = false
    }
}

/// Starts a named thread with every signal blocked, so that signals reach the thread that waits for them.
func startThread(name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) -> pthread_t {
    final class Start {
        let name: String
        let body: @Sendable () -> Void
        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
    var thread = pthread_t()
    let start = Unmanaged.passRetained(Start(name: name, body: body))
    let result = pthread_create(
        &thread, nil,
        { argument in
            guard let argument else { return nil }
            let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
            clinux_name_thread(String(start.name.prefix(15)))
            var all = sigset_t()
            sigfillset(&all)
            pthread_sigmask(SIG_BLOCK, &all, nil)
            start.body()
            return nil
        }, start.toOpaque())
    guard result == 0 else {
        start.release()
        throw SystemError(call: "pthread_create", errno: result)
    }
    return thread
}
