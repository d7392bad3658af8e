import WeirBase

/// What one step of a message asks of every limit.
struct Inquiry {
    /// What the step adds, and what its message already has.
    var amount = Amount.zero
    var held = Amount.zero
    var connections: Int64 = 0
    /// Whether limits of refusals are asked for room, not told of a refusal.
    var isSending = false

    init(amount: Amount = .zero, connections: Int64 = 0) {
        self.amount = amount
        self.connections = connections
    }

    /// What a message on its way asks for; it has `held` already.
    init(asking amount: Amount, held: Amount) {
        self.amount = amount
        self.amount.refusals = 0
        self.held = held
        isSending = true
    }

    /// What is reserved where the answer is yes: no more than one message may hold.
    var taken: Amount { amount.clamped(to: Amount.step - held) }

    /// What `limit` has to find room for; 0 where the step does not concern it.
    func demand(on limit: Limit) -> Int64 {
        switch limit.quantity {
        case .refusals where isSending: amount.recipients > 0 ? 1 : 0
        case .connections: connections
        case .messages, .recipients, .octets, .refusals: amount[limit.quantity]
        }
    }

    /// Whether no time makes room for `demand`.
    func canNeverFit(_ limit: Limit, _ demand: Int64) -> Bool {
        (limit.quantity == .octets ? held.octets.adding(demand) : demand) > limit.allowed
    }
}

/// What all limits say to one step.
struct Verdict {
    private(set) var refusal: Refusal?
    var crossings: [Crossing] = []

    mutating func refuse(_ other: Refusal) {
        if refusal == nil { refusal = other } else { refusal?.join(other) }
    }

    /// Notes which marks of a limit lie above `used`, and not above `after`.
    mutating func note(_ limit: Limit, _ scope: Scope, _ warnAt: [Int], from used: Int64, to after: Int64) {
        if limit.excess == .observe {
            guard used <= limit.allowed, after > limit.allowed else { return }
            crossings.append(Crossing(limit: limit, scope: scope, used: after, allowed: limit.allowed))
            return
        }
        guard limit.window != .message else { return }
        for percent in warnAt {
            let mark = limit.part(percent: percent)
            guard used < mark, mark <= after else { continue }
            crossings.append(
                Crossing(limit: limit, scope: scope, percent: percent, used: after, allowed: limit.allowed))
        }
    }
}

extension Limit {
    /// The least count that is `percent` of what is allowed.
    func part(percent: Int) -> Int64 {
        let percent = Int64(min(max(percent, 0), 100))
        let (whole, rest) = allowed.quotientAndRemainder(dividingBy: 100)
        return whole * percent + (rest * percent + 99) / 100
    }
}

extension Tally {
    /// What is used of a limit before a step, reservations included; within a message, what it already `held`.
    func used(of limit: Limit, held: Amount, _ windows: Windows) -> Int64 {
        switch limit.window {
        case .message: held[limit.quantity]
        case .concurrent: Int64(connections)
        case .hour, .day: used(limit.quantity, from: windows.first(of: limit)).adding(reserved[limit.quantity])
        }
    }

    /// When the limit has room for `count` more than is now free; nil where time does not tell.
    func freesAt(_ limit: Limit, lacking count: Int64, _ windows: Windows) -> Instant? {
        switch limit.window {
        case .message, .concurrent: nil
        case .hour, .day: release(of: count, by: limit, windows)
        }
    }
}
