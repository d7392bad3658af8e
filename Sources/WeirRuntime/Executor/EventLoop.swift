internal import CLinux
internal import Glibc
import Synchronization
package import WeirBase

/// One thread, one epoll, one eventfd, a timer heap: runs sessions to their next wait and waits for descriptors.
///
/// `@unchecked Sendable`: everything mutable is touched on the loop's own thread alone, but for the mailbox, which locks.
package final class EventLoop: RuntimeExecutor, @unchecked Sendable {
    private let clock: AnchoredClock
    private let epoll: Int32
    private let wakeup: Int32
    private let mailbox = Mailbox()
    /// The loop's thread: told by whoever starts it and by itself, whichever comes first.
    private let thread = Atomic<pthread_t>(0)
    private var ready: [UnownedJob] = []
    private var stopping = false
    /// By descriptor: who hears of its events, and the registration number its events carry.
    private var registrations: [Registration?] = []
    private var registrationNumber: UInt32 = 0

    private struct Registration {
        var number: UInt32
        var observer: any DescriptorObserver
    }

    package init(clock: AnchoredClock) throws(SystemError) {
        self.clock = clock
        epoll = try SystemError.check("epoll_create1", clinux_epoll_create())
        wakeup = try SystemError.check("eventfd", clinux_eventfd())
        super.init()
        _ = try SystemError.check("epoll_ctl", clinux_epoll_add(epoll, wakeup, UInt32(CLINUX_IN), .max))
    }

    package override var now: Instant { clock.now }

    /// Starts the loop's thread; ``stop()`` ends it.
    package func start(name: String) throws(SystemError) {
        thread.store(try startThread(name: name) { [self] in run() }, ordering: .relaxed)
    }

    /// Ends the loop after what it is doing, and waits for its thread. From another thread, once.
    package func stop() {
        post { self.stopping = true }
        pthread_join(thread.load(ordering: .relaxed), nil)
    }

    package override func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isOwnThread { ready.append(job) } else if mailbox.put(job) { wake() }
    }

    package override func post(_ body: @escaping @Sendable () -> Void) {
        if mailbox.put(body) { wake() }
    }

    private var isOwnThread: Bool { pthread_equal(pthread_self(), thread.load(ordering: .relaxed)) != 0 }

    private func wake() {
        var one: UInt64 = 1
        _ = write(wakeup, &one, MemoryLayout<UInt64>.size)
    }

    private func run() {
        thread.store(pthread_self(), ordering: .relaxed)
        let events = UnsafeMutablePointer<clinux_event>.allocate(capacity: 256)
        defer { events.deallocate() }
        while !stopping {
            runReadyJobs()
            fireTimers()
            let count = clinux_epoll_wait(epoll, events, 256, ready.isEmpty ? timeout() : 0)
            for index in 0..<max(0, Int(count)) { deliver(events[index]) }
        }
        runReadyJobs()
    }

    /// Runs what is ready now; what becomes ready meanwhile waits until descriptors were looked at.
    private func runReadyJobs() {
        var jobs: [UnownedJob] = []
        swap(&jobs, &ready)
        for job in jobs { job.runSynchronously(on: asUnownedTaskExecutor()) }
        if ready.isEmpty {
            jobs.removeAll(keepingCapacity: true)
            swap(&jobs, &ready)
        }
    }

    /// Milliseconds until the next timer, rounded up; -1 without one.
    private func timeout() -> Int32 {
        guard let next = timers.next else { return -1 }
        let milliseconds = (next.since(now) + .millisecond - 1) / .millisecond
        return Int32(min(milliseconds, 60_000))
    }

    private func deliver(_ event: clinux_event) {
        guard event.data != .max else { return emptyMailbox() }
        let descriptor = Int(event.data & 0xFFFF_FFFF)
        guard descriptor < registrations.count, let registration = registrations[descriptor],
            registration.number == UInt32(event.data >> 32)
        else { return }
        registration.observer.descriptorReady(Readiness(mask: event.mask))
    }

    private func emptyMailbox() {
        var counter: UInt64 = 0
        _ = read(wakeup, &counter, MemoryLayout<UInt64>.size)
        let contents = mailbox.empty()
        ready.append(contentsOf: contents.jobs)
        for call in contents.calls { call() }
    }

    // MARK: - Descriptors

    /// Watches a descriptor, edge-triggered, or level-triggered and shared among loops for a listening socket.
    func register(_ descriptor: Int32, observer: any DescriptorObserver, listening: Bool = false) throws(SystemError) {
        registrationNumber &+= 1
        let data = UInt64(registrationNumber) << 32 | UInt64(UInt32(bitPattern: descriptor))
        let both = UInt32(CLINUX_IN | CLINUX_OUT | CLINUX_RDHUP)
        let mask = listening ? UInt32(CLINUX_IN) | clinux_exclusive : both | clinux_edge_triggered
        _ = try SystemError.check("epoll_ctl", clinux_epoll_add(epoll, descriptor, mask, data))
        let index = Int(descriptor)
        if index >= registrations.count {
            registrations.append(contentsOf: repeatElement(nil, count: index + 1 - registrations.count))
        }
        registrations[index] = Registration(number: registrationNumber, observer: observer)
    }

    /// Forgets a descriptor, which its owner closes next; one that stays open elsewhere is no longer watched.
    func unregister(_ descriptor: Int32, staysOpen: Bool = false) {
        let index = Int(descriptor)
        guard index < registrations.count, registrations[index] != nil else { return }
        registrations[index] = nil
        if staysOpen { _ = clinux_epoll_remove(epoll, descriptor) }
    }
}

/// What the kernel says of a descriptor.
package struct Readiness {
    /// Something to read, or the end, or an error that a read will tell.
    package var readable: Bool
    /// Room to write, or an error that a write will tell.
    package var writable: Bool
    /// The peer has sent all it will, or the connection is broken: reads go on until they tell so.
    package var ending: Bool

    init(mask: UInt32) {
        let failed = UInt32(CLINUX_ERR | CLINUX_HUP)
        readable = mask & (UInt32(CLINUX_IN | CLINUX_RDHUP) | failed) != 0
        writable = mask & (UInt32(CLINUX_OUT) | failed) != 0
        ending = mask & (UInt32(CLINUX_RDHUP) | failed) != 0
    }

    package init(readable: Bool, writable: Bool, ending: Bool = false) {
        self.readable = readable
        self.writable = writable
        self.ending = ending
    }
}

/// Hears of a registered descriptor's events, on the loop's thread.
protocol DescriptorObserver: AnyObject {
    func descriptorReady(_ readiness: Readiness)
}
