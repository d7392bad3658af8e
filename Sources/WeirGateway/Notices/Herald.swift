import Synchronization
package import WeirBase
package import WeirConfiguration
import WeirQuota
package import WeirRuntime
import WeirStore

/// Tells of what happens to accounts: by mail, and to other programs. Nobody who reports an event ever waits for it to be told.
///
/// Each way out has a queue and a task of its own, so that one that hangs holds up no other. What must be told also after a restart is
/// kept in the store, with the change it tells of, until it is told or given up; a kill between the two tells it twice, with the same id.
package final class Herald: Sendable {
    /// Tells one notice; asked again later where that failed.
    package typealias Deliver = @Sendable (Notice, Waiter) async -> NoticeOutcome
    /// Forgets a notice that the store keeps.
    package typealias Forget = @Sendable (Notice) async -> Void

    /// Where notices go: all mail, or one webhook.
    enum Way: Hashable, Sendable {
        case mail
        case webhook(String)

        init(_ channel: Notice.Channel) {
            switch channel {
            case .mail: self = .mail
            case .webhook(let url): self = .webhook(url)
            }
        }

        var label: MetricLabels.NotificationChannel { self == .mail ? .mail : .webhook }
    }

    /// Whom an event goes to, as the configuration in force says.
    package struct Terms: Sendable {
        /// That there are.
        var templates: Set<NoticeName> = []
        /// Notices to one account's owner in 24 hours.
        var perAccount = 0
        var webhooks: [(url: String, events: Set<EventKind>)] = []

        package init(
            templates: Set<NoticeName> = [], perAccount: Int = 0,
            webhooks: [(url: String, events: Set<EventKind>)] = []
        ) {
            (self.templates, self.perAccount, self.webhooks) = (templates, perAccount, webhooks)
        }

        var ways: [Way] { (templates.isEmpty ? [] : [.mail]) + webhooks.map { .webhook($0.url) } }

        func channels(of event: AccountEvent) -> [Notice.Channel] {
            let mark = event.warning.map { NoticeName.Mark(window: $0.window, percent: $0.percent) }
            let mail = NoticeName.Audience.allCases.filter { audience in
                templates.contains(NoticeName(event.kind, mark: mark, for: audience))
            }
            return mail.map { .mail($0) }
                + webhooks.filter { $0.events.contains(event.kind) }.map { .webhook($0.url) }
        }
    }

    private struct State {
        var terms = Terms()
        /// In the order of the configuration.
        var errands: [Errand] = []
        var allowance = NoticeAllowance()

        func errand(_ channel: Notice.Channel) -> Errand? { errands.first { $0.way == Way(channel) } }
    }

    /// One way's queue and task.
    private final class Errand: Sendable {
        let way: Way
        let waiter: Waiter
        let queue = Mutex(NoticeQueue())
        let isGone = Atomic<Bool>(false)
        /// Who waits for the task's end, once it was asked to end.
        let ending = Mutex<(isOver: Bool, waiter: Waiter?)>((false, nil))

        init(_ way: Way, on loop: RuntimeExecutor) {
            self.way = way
            waiter = Waiter(on: loop)
        }
    }

    private let runtime: Runtime
    private let telemetry: Telemetry
    private let state = Mutex(State())

    package init(runtime: Runtime, telemetry: Telemetry) {
        self.runtime = runtime
        self.telemetry = telemetry
    }

    // MARK: - Telling

    /// Whom an event is to be told to now: what is kept of them goes into the store with the change, then all go to ``tell(_:)``.
    package func notices(of event: AccountEvent) -> [Notice] {
        let now = runtime.now
        let (admitted, others) = state.withLock { state -> ([Notice], [Notice]) in
            var (admitted, others): ([Notice], [Notice]) = ([], [])
            for channel in state.terms.channels(of: event) {
                guard let errand = state.errand(channel), !errand.isGone.load(ordering: .relaxed) else { continue }
                let notice = Notice(event: event, channel: channel)
                if state.allowance.admit(notice, perAccount: state.terms.perAccount, now: now) {
                    admitted.append(notice)
                } else {
                    others.append(notice)
                }
            }
            return (admitted, others)
        }
        for notice in others { count(notice, .limited) }
        return admitted
    }

    /// Queues notices; returns at once, whatever becomes of them. What finds no room is dropped, and counted.
    package func tell(_ notices: [Notice]) {
        let now = runtime.now
        for notice in notices {
            let errand = state.withLock { $0.errand(notice.channel) }
            guard let errand else { continue }
            if errand.queue.withLock({ $0.add(notice, now: now) }) {
                errand.waiter.wake()
            } else {
                count(notice, .dropped)
                note(notice, "notice dropped", "the queue is full")
            }
        }
    }

    /// Tells of limits that an account has come near.
    func warn(_ crossings: [Crossing], of account: String) {
        let told = crossings.compactMap { crossing -> (crossing: Crossing, event: AccountEvent)? in
            guard let event = AccountEvent(crossing, of: account, at: runtime.wall, random: runtime.random()),
                state.withLock({ !$0.terms.channels(of: event).isEmpty })
            else { return nil }
            return (crossing, event)
        }
        for (crossing, event) in told where !crossing.isSurpassed(in: told.map(\.crossing)) { tell(notices(of: event)) }
    }

    // MARK: - Ways

    /// Takes the ways of a configuration: those that stay keep what waits, and one that was gone is tried again.
    package func adopt(_ terms: Terms, deliver: @escaping Deliver, forget: @escaping Forget) async {
        let loop = runtime.loops[0]
        let (begun, ended) = state.withLock { state -> ([Errand], [Errand]) in
            state.terms = terms
            let former = state.errands
            var begun: [Errand] = []
            state.errands = terms.ways.map { way in
                if let known = former.first(where: { $0.way == way }) {
                    known.isGone.store(false, ordering: .relaxed)
                    return known
                }
                let errand = Errand(way, on: loop)
                begun.append(errand)
                return errand
            }
            return (begun, former.filter { !terms.ways.contains($0.way) })
        }
        for errand in begun {
            loop.spawn { [self] in
                await run(errand, deliver, forget)
                errand.ending.withLock { ending in
                    ending.isOver = true
                    ending.waiter?.wake()
                }
            }
        }
        await end(ended, until: runtime.now + .second)
        for errand in ended {
            for notice in errand.queue.withLock({ $0.removeAll() }) where notice.stored != nil { await forget(notice) }
        }
    }

    /// Whether notices to a channel go anywhere.
    func knows(_ channel: Notice.Channel) -> Bool { state.withLock { $0.errand(channel) != nil } }

    /// Webhooks that want nothing more until the configuration is read again, in its order.
    var goneWebhooks: [String] {
        state.withLock { $0.errands }.compactMap { errand in
            guard case .webhook(let url) = errand.way, errand.isGone.load(ordering: .relaxed) else { return nil }
            return url
        }
    }

    /// Notices that wait, over all ways.
    package var waitingCount: Int {
        state.withLock { $0.errands }.map { errand in errand.queue.withLock { $0.count } }.reduce(0, +)
    }

    /// Ends all tasks; an attempt under way is broken off. What the store keeps is told by the next start.
    package func stop(until deadline: Instant) async {
        let errands = state.withLock { state in
            defer { state.errands = [] }
            return state.errands
        }
        await end(errands, until: deadline)
    }

    /// Waits for their ends, but for one that looks up a name when the deadline comes: that is left behind.
    private func end(_ errands: [Errand], until deadline: Instant) async {
        guard !errands.isEmpty else { return }
        let loop = runtime.loops[0]
        await loop.spawn {
            let waiter = Waiter(on: loop)
            for errand in errands {
                errand.ending.withLock { $0.waiter = waiter }
                errand.waiter.interrupt()
            }
            while errands.contains(where: { !$0.ending.withLock(\.isOver) }), loop.now < deadline {
                await waiter.wait(until: deadline)
            }
            waiter.retire()
        }.value
    }

    private func run(_ errand: Errand, _ deliver: Deliver, _ forget: Forget) async {
        while !errand.waiter.isInterrupted {
            let entry = errand.queue.withLock { $0.next(now: runtime.now) }
            guard let entry else {
                await errand.waiter.wait(until: errand.queue.withLock { $0.nextDue } ?? .distantFuture)
                continue
            }
            let outcome = await deliver(entry.notice, errand.waiter)
            if errand.waiter.isInterrupted, outcome != .told { break }
            if !settle(entry, outcome, errand), entry.notice.stored != nil { await forget(entry.notice) }
            if outcome == .gone {
                for notice in errand.queue.withLock({ $0.removeAll() }) where notice.stored != nil {
                    await forget(notice)
                }
            }
        }
        errand.waiter.retire()
    }

    /// Counts what an attempt came to; whether the notice waits again.
    private func settle(_ entry: NoticeQueue.Entry, _ outcome: NoticeOutcome, _ errand: Errand) -> Bool {
        switch outcome {
        case .told:
            count(entry.notice, .sent)
            note(entry.notice, "notice", nil)
        case .moot: note(entry.notice, "notice moot", outcome.reason)
        case .refused:
            count(entry.notice, .refused)
            note(entry.notice, "notice refused", outcome.reason)
        case .gone:
            errand.isGone.store(true, ordering: .relaxed)
            count(entry.notice, .refused)
            note(entry.notice, "webhook gone", outcome.reason)
        case .failed:
            let (now, wall, random) = (runtime.now, runtime.wall, runtime.random())
            if errand.queue.withLock({ $0.retry(entry, now: now, wall: wall, random: random) }) {
                count(entry.notice, .retried)
                note(entry.notice, "notice delayed", outcome.reason)
                return true
            }
            count(entry.notice, .expired)
            note(entry.notice, "notice given up", outcome.reason)
        }
        return false
    }

    // MARK: - Words and numbers

    private func count(_ notice: Notice, _ result: MetricLabels.NotificationResult) {
        let channel = Way(notice.channel).label
        telemetry.metrics.operation.notifications[channel, MetricLabels.NotificationKind(notice.event.kind), result]
            .add()
    }

    private func note(_ notice: Notice, _ event: StaticString, _ reason: String?) {
        let fields: KeyValuePairs<StaticString, LogValue> = [
            "notice": .string(notice.event.id), "account": .string(notice.event.account),
            "kind": .string(notice.event.kind.rawValue), "to": .string(notice.channel.description),
            "reason": .string(reason ?? ""),
        ]
        if reason == nil { telemetry.log.info(event, fields) } else { telemetry.log.warning(event, fields) }
    }
}

extension MetricLabels.NotificationKind {
    fileprivate init(_ kind: EventKind) {
        switch kind {
        case .warned: self = .warned
        case .flagged: self = .flagged
        case .suspended: self = .suspended
        case .released: self = .released
        case .machineStopped: self = .machineStopped
        }
    }
}

extension Crossing {
    /// Whether one step has passed a higher mark of the same limit: then that alone is told.
    fileprivate func isSurpassed(in crossings: [Crossing]) -> Bool {
        guard let percent else { return false }
        return crossings.contains { $0.limit == limit && $0.scope == scope && ($0.percent ?? 0) > percent }
    }
}
