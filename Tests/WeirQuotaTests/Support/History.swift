import WeirBase
import WeirQuota

/// A random history, lived by the book and by the model beside it.
struct History: ~Copyable {
    private var random: SeededGenerator
    private var clock: ManualClock
    private var book = Book()
    private var model = ReferenceModel()
    private var journal: [JournalRow] = []
    private var messages: [Message] = []
    private var nextMessage = 0
    /// Charges that may be refunded, each with its place in the model's list.
    private var charges: [(charge: Charge, position: Int)] = []
    private let parties: [Parties]
    private let limits: [SubjectID: [Limit]]
    private let steps: Bool
    /// Where book and model came apart.
    private(set) var faults: [String] = []

    private final class Message {
        let number: Int
        let parties: Parties
        var reservation = Reservation()

        init(number: Int, parties: Parties) {
            self.number = number
            self.parties = parties
        }
    }

    init(seed: UInt64, steps: Bool) {
        var random = SeededGenerator(seed: seed)
        self.steps = steps
        clock = ManualClock(zone: [0, 60 * .minute, 345 * .minute, -210 * .minute].randomElement(using: &random) ?? 0)
        clock.advance(.random(in: 0..<UInt64.day, using: &random))
        var limits: [SubjectID: [Limit]] = [:]
        for subject in [0, 1, 2, 3, 10, 11] as [SubjectID] { limits[subject] = Self.limits(&random) }
        func party(_ subject: SubjectID) -> Party { Party(subject, limits: LimitSet(limits[subject] ?? [])) }
        let gateway = LimitSet(limits[.gateway] ?? [])
        parties = [
            Parties(account: party(1), customer: party(10), gateway: gateway),
            Parties(account: party(2), customer: party(10), gateway: gateway),
            Parties(account: party(3), customer: Bool.random(using: &random) ? party(11) : nil, gateway: gateway),
        ]
        self.limits = limits
        self.random = random
    }

    private static func limits(_ random: inout SeededGenerator) -> [Limit] {
        var limits: [Limit] = []
        for quantity in [Limit.Quantity.messages, .recipients, .refusals, .octets] {
            for window in [Limit.Window.hour, .day, .message] where Int.random(in: 0..<3, using: &random) == 0 {
                guard window != .message || quantity == .recipients else { continue }
                limits.append(
                    Limit(
                        quantity: quantity, window: window, calendar: window != .message && .random(using: &random),
                        excess: Int.random(in: 0..<6, using: &random) == 0 ? .observe : .deferral,
                        allowed: .random(in: 1...12, using: &random)))
            }
        }
        return limits
    }

    /// Takes `count` steps, and looks at the whole at the end.
    mutating func live(_ count: Int) {
        for _ in 0..<count {
            step()
            compareUsage()
            if !faults.isEmpty { return }
        }
        checkIntervals()
    }

    private mutating func check(_ isRight: Bool, _ fault: @autoclosure () -> String) {
        if !isRight { faults.append(fault()) }
    }

    private mutating func step() {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<38: reserve()
        case 38..<46: release()
        case 46..<64: commit()
        case 64..<70: refund()
        case 70..<74: refuse()
        case 74..<76: reset()
        case 76..<79: restart()
        case 79..<82: book.evict(atMost: 3, at: clock.moment)
        case 82..<85 where steps: stepWallClock()
        default: advance()
        }
        model.advance(to: clock.moment)
    }

    private mutating func advance() {
        let most: [UInt64] = [.second, .minute, 5 * .minute, 20 * .minute, .hour, 5 * .hour, .day]
        clock.advance(.random(in: 0...(most.randomElement(using: &random) ?? 0), using: &random))
        if Int.random(in: 0..<4, using: &random) == 0 {
            let slot = 5 * UInt64.minute
            clock.now = Instant(nanoseconds: (clock.now.nanoseconds + slot - 1) / slot * slot)
        }
    }

    private mutating func stepWallClock() {
        let most: Int64 = [.minute, .hour, 50 * .hour].randomElement(using: &random) ?? 0
        clock.ahead += .random(in: -most...most, using: &random)
    }

    private mutating func reserve() {
        model.advance(to: clock.moment)
        let message: Message
        if let open = messages.randomElement(using: &random), Int.random(in: 0..<3, using: &random) > 0 {
            message = open
        } else {
            message = Message(number: nextMessage, parties: parties.randomElement(using: &random) ?? parties[0])
            nextMessage += 1
            messages.append(message)
        }
        var amount = Amount(
            recipients: .random(in: 0...3, using: &random),
            octets: Int.random(in: 0..<3, using: &random) == 0 ? .random(in: 0...3, using: &random) : 0)
        if message.reservation.held.messages == 0 { amount.messages = 1 }
        let expected = expectation(amount, message)
        let decision = book.reserve(amount, into: &message.reservation, for: message.parties, at: clock.moment)
        check(decision.isAdmitted == expected.isAdmitted, "\(decision) for \(amount)")
        if let refusal = decision.refusal {
            check(refusal.freesAt == expected.freesAt, "\(refusal), not \(expected)")
        } else {
            model.held[message.number] = (message.parties.subjects, message.reservation.held)
        }
    }

    private func expectation(_ amount: Amount, _ message: Message) -> (isAdmitted: Bool, freesAt: Instant?) {
        let held = message.reservation.held
        var refused = false
        var freesAt: Instant?
        for (_, party) in message.parties.all {
            for limit in limits[party.subject] ?? [] where limit.excess != .observe {
                let demand = limit.quantity == .refusals ? min(1, amount.recipients) : amount[limit.quantity]
                guard demand > 0 else { continue }
                if limit.window == .message {
                    refused = refused || held[limit.quantity] + demand > limit.allowed
                    continue
                }
                let room = model.room(for: demand, limit, party.subject, clock.now)
                guard room > clock.now else { continue }
                refused = true
                let alone = limit.quantity == .octets ? held.octets + demand : demand
                if alone <= limit.allowed { freesAt = max(freesAt ?? room, room) }
            }
        }
        return (!refused, freesAt)
    }

    private mutating func release() {
        guard let message = messages.randomElement(using: &random) else { return }
        let all = message.reservation.held
        let amount = Bool.random(using: &random) ? all : Amount(recipients: min(1, all.recipients))
        book.release(amount, from: &message.reservation)
        model.held[message.number]?.amount -= amount
    }

    private mutating func commit() {
        guard let index = messages.indices.randomElement(using: &random) else { return }
        let message = messages.remove(at: index)
        guard let hold = model.held.removeValue(forKey: message.number), hold.amount != .zero else { return }
        guard let charge = book.commit(&message.reservation, at: clock.moment) else {
            return check(false, "what was held was not charged")
        }
        check(charge.amount == hold.amount, "\(charge), not \(hold)")
        charges.append((charge, model.sent.count))
        model.sent.append(.init(at: clock.now, subjects: hold.subjects, amount: hold.amount))
        write(.charge, charge.amount, charge.slot, hold.subjects)
    }

    private mutating func refund() {
        guard let index = charges.indices.randomElement(using: &random) else { return }
        let all = charges[index].charge.amount
        let amount = Bool.random(using: &random) ? all : Amount(recipients: min(1, all.recipients))
        let refund = book.refund(amount, from: &charges[index].charge, at: clock.moment)
        model.sent[charges[index].position].amount -= amount
        write(.refund, -refund.amount, charges[index].charge.slot, charges[index].charge.subjects)
        for subject in refund.forgiven {
            write(.reset, refund.amount, charges[index].charge.slot, Subjects(account: subject))
        }
    }

    private mutating func refuse() {
        guard let parties = parties.randomElement(using: &random) else { return }
        let amount = Amount(refusals: .random(in: 1...3, using: &random))
        _ = book.record(refusals: amount.refusals, for: parties, at: clock.moment)
        model.sent.append(.init(at: clock.now, subjects: parties.subjects, amount: amount))
        write(.refusal, amount, Slot(clock.now), parties.subjects)
    }

    private mutating func reset() {
        let subject: SubjectID = [1, 2, 3, 10].randomElement(using: &random) ?? 1
        for (slot, amount) in book.reset(subject, at: clock.moment) {
            write(.reset, -amount, slot, Subjects(account: subject))
        }
        for index in model.sent.indices { model.sent[index].forgiven.insert(subject) }
    }

    private mutating func restart() {
        book = Book()
        model.restart()
        messages = []
        charges = []
        for row in journal.shuffled(using: &random) {
            check(book.load(row, at: clock.moment), "\(row) is from the future")
        }
    }

    private mutating func write(_ kind: JournalRow.Kind, _ amount: Amount, _ slot: Slot, _ subjects: Subjects) {
        journal.append(
            JournalRow(
                kind: kind, at: clock.now, slot: slot, account: subjects.account, customer: subjects.customer,
                amount: amount, message: 0))
    }

    private mutating func compareUsage() {
        guard let parties = parties.randomElement(using: &random) else { return }
        for usage in book.usage(of: parties, at: clock.moment) where usage.limit.window != .message {
            guard let subject = parties.all.first(where: { $0.scope == usage.scope })?.party.subject else { continue }
            let used = model.used(usage.limit, subject, clock.now)
            let reserved = model.reserved(usage.limit, subject)
            check(usage.used == used, "\(usage), not \(used) used")
            check(usage.reserved == reserved, "\(usage), not \(reserved) reserved")
        }
    }

    /// No interval of a window's length holds more than its limit, whatever the windows of the book were.
    private mutating func checkIntervals() {
        for (subject, limits) in limits {
            let sent = model.sent.filter { $0.amount != .zero && $0.counts(for: subject) }
            for limit in limits where limit.window != .message && limit.excess != .observe {
                guard limit.quantity != .refusals else { continue }
                for first in sent {
                    let sum = sent.reduce(Int64(0)) { sum, other in
                        let isWithin = other.at >= first.at && isTogether(first.at, other.at, limit)
                        return sum + (isWithin ? other.amount[limit.quantity] : 0)
                    }
                    check(sum <= limit.allowed, "\(sum) of \(limit) of subject \(subject.number)")
                }
            }
        }
    }

    private func isTogether(_ first: Instant, _ other: Instant, _ limit: Limit) -> Bool {
        let length: UInt64 = limit.window == .hour ? .hour : .day
        guard limit.calendar else { return other.since(first) <= length }
        guard !steps else { return false }
        func local(_ instant: Instant) -> UInt64 { UInt64(Int64(instant.nanoseconds) + clock.ahead) / length }
        return local(first) == local(other)
    }
}

extension Parties {
    /// Each party with its scope.
    var all: [(scope: Scope, party: Party)] {
        [(.account, account)] + (customer.map { [(.customer, $0)] } ?? []) + [(.gateway, gateway)]
    }
}
