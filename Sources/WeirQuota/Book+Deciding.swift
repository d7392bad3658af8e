import WeirTime

/// What one step asks of one party's limits, and what they say to it.
private struct Inquiry {
    /// What the step adds, and what its message already has.
    let amount: Amount
    let held: Amount
    let connections: Int64
    /// Whether `refusals` limits are asked for room, not told of a refusal.
    let isSending: Bool

    /// What `limit` has to find room for; 0 where the step does not concern it.
    func demand(on limit: Limit) -> Int64 {
        switch limit.quantity {
        case .refusals where isSending: amount.recipients > 0 ? 1 : 0
        case .connections: connections
        case .messages, .recipients, .octets, .refusals: amount[limit.quantity]
        }
    }

    /// What is used before the step.
    func used(of limit: Limit, by tally: Tally?, _ windows: Windows) -> Int64 {
        switch limit.window {
        case .message: return held[limit.quantity]
        case .concurrent: return Int64(tally?.connections ?? 0)
        case .hour, .day:
            guard let tally else { return 0 }
            return tally.used(limit.quantity, from: windows.first(of: limit)).adding(tally.reserved[limit.quantity])
        }
    }

    /// Whether no time makes room for it.
    func canNeverFit(_ limit: Limit, _ demand: Int64) -> Bool {
        switch (limit.quantity, limit.window) {
        case (.octets, _): held.octets.adding(demand) > limit.allowed
        case (_, _): demand > limit.allowed
        }
    }
}

/// What all limits say to one step.
private struct Verdict {
    var refusal: Refusal?
    var crossings: [Crossing] = []

    mutating func refuse(_ other: Refusal) {
        if refusal == nil { refusal = other } else { refusal?.join(other) }
    }
}

extension Book {
    /// Reserves for a message on its way: all limits of all parties are charged, or none.
    ///
    /// Ask with a recipient at each RCPT (the first also with the message, and the octets that SIZE declares), and with
    /// more octets as they stream. The parties of a message are those of its first step; one that changes in between
    /// counts from the next message on, while a change of limits holds at once.
    package mutating func reserve(
        _ amount: Amount, into reservation: inout Reservation, for parties: Parties, at moment: Moment
    ) -> Decision {
        let windows = windows(at: moment)
        var asked = amount
        asked.refusals = 0
        let inquiry = Inquiry(amount: asked, held: reservation.held, connections: 0, isSending: true)
        let subjects = reservation.subjects ?? parties.subjects
        var verdict = judge(inquiry, of: parties, against: subjects, at: moment.now, windows)
        if let refusal = verdict.refusal { return .refused(refusal) }

        let room = Amount.step - reservation.held
        let taken = asked.clamped(to: room)
        reservation.subjects = subjects
        reservation.held += taken
        for scope in Scope.inOrder {
            guard let subject = subjects[scope] else { continue }
            tallies[position(making: subject)].reserved += taken
        }
        announce(&verdict.crossings, of: subjects, windows)
        return .admitted(verdict.crossings)
    }

    /// Gives back part of what a message holds, at most all: a recipient that the relay refused, RSET, a lost client.
    package mutating func release(_ amount: Amount, from reservation: inout Reservation) {
        guard let subjects = reservation.subjects else { return }
        let given = amount.clamped(to: reservation.held)
        reservation.held -= given
        settle(given, of: subjects)
        if reservation.held == .zero { reservation.subjects = nil }
    }

    /// Makes a charge of all that a message holds, in the slot of now: call it as its dot goes out.
    package mutating func commit(_ reservation: inout Reservation, at moment: Moment) -> Charge? {
        let windows = windows(at: moment)
        guard let subjects = reservation.subjects else { return nil }
        let amount = reservation.held
        settle(amount, of: subjects)
        var editions = Charge.Editions()
        for scope in Scope.inOrder {
            guard let subject = subjects[scope] else { continue }
            let position = position(making: subject)
            tallies[position].add(amount, to: windows.current, windows)
            editions[scope] = tallies[position].edition
        }
        reservation = Reservation()
        return Charge(
            slot: Slot(number: windows.current), subjects: subjects, amount: amount, editions: editions)
    }

    /// Takes part of a charge out of its slot, at most what is left of it; where that slot is no longer kept, or was
    /// forgiven, the counts stay as they are.
    ///
    @discardableResult
    package mutating func refund(_ amount: Amount, from charge: inout Charge, at moment: Moment) -> Refund {
        let windows = windows(at: moment)
        var refund = Refund(amount: amount.clamped(to: charge.amount))
        charge.amount -= refund.amount
        for scope in Scope.inOrder {
            guard let subject = charge.subjects[scope] else { continue }
            if let position = position(of: subject), tallies[position].edition == charge.editions[scope] {
                tallies[position].subtract(refund.amount, from: charge.slot.number, windows)
            } else {
                refund.forgiven.append(subject)
            }
        }
        return refund
    }

    /// Counts recipients that were refused, by us or a relay; it always does.
    package mutating func record(refusals count: Int64, for parties: Parties, at moment: Moment) -> [Crossing] {
        let windows = windows(at: moment)
        let amount = Amount(refusals: count).clamped(to: .step)
        let inquiry = Inquiry(amount: amount, held: .zero, connections: 0, isSending: false)
        var verdict = judge(inquiry, of: parties, against: parties.subjects, at: moment.now, windows)
        for scope in Scope.inOrder {
            guard let party = parties[scope] else { continue }
            tallies[position(making: party.subject)].add(amount, to: windows.current, windows)
        }
        announce(&verdict.crossings, of: parties.subjects, windows)
        return verdict.crossings
    }

    /// Counts a connection; each that was admitted is to be ended with ``disconnect(_:)`` of the same subjects.
    package mutating func connect(_ parties: Parties, at moment: Moment) -> Decision {
        let windows = windows(at: moment)
        let inquiry = Inquiry(amount: .zero, held: .zero, connections: 1, isSending: false)
        var verdict = judge(inquiry, of: parties, against: parties.subjects, at: moment.now, windows)
        if let refusal = verdict.refusal { return .refused(refusal) }
        countConnection(+1, of: parties.subjects)
        announce(&verdict.crossings, of: parties.subjects, windows)
        return .admitted(verdict.crossings)
    }

    /// Ends a connection that was counted.
    package mutating func disconnect(_ subjects: Subjects) { countConnection(-1, of: subjects) }

    /// Every limit in force of every party, with what is used of it.
    package mutating func usage(of parties: Parties, at moment: Moment) -> [LimitUsage] {
        let windows = windows(at: moment)
        let nothing = Inquiry(amount: .zero, held: .zero, connections: 0, isSending: true)
        var usages: [LimitUsage] = []
        for scope in Scope.inOrder {
            guard let party = parties[scope] else { continue }
            let tally = position(of: party.subject).map { tallies[$0] }
            for limit in party.limits.limits(at: moment.now) {
                let total = nothing.used(of: limit, by: tally, windows)
                let reserved = limit.window == .hour || limit.window == .day ? tally?.reserved[limit.quantity] ?? 0 : 0
                var usage = LimitUsage(
                    limit: limit, scope: scope, used: total - reserved, reserved: reserved, allowed: limit.allowed)
                if let tally, total >= limit.allowed, limit.allowed > 0 {
                    usage.freesAt = freesAt(limit, lacking: (total - limit.allowed).adding(1), tally, windows)
                }
                usages.append(usage)
            }
        }
        return usages
    }
}

// MARK: The parts of a decision

extension Book {
    /// Asks every limit, so that a refusal tells when all of them have room.
    private func judge(
        _ inquiry: Inquiry, of parties: Parties, against subjects: Subjects, at now: Instant, _ windows: Windows
    ) -> Verdict {
        var verdict = Verdict()
        for scope in Scope.inOrder {
            guard let party = parties[scope], party.subject == subjects[scope], !party.limits.rules.isEmpty else {
                continue
            }
            let position = position(of: party.subject)
            for rule in party.limits.rules {
                guard let limit = rule.limit(at: now) else { continue }
                let demand = inquiry.demand(on: limit)
                guard demand > 0 else { continue }
                let tally = position.map { tallies[$0] }
                let used = inquiry.used(of: limit, by: tally, windows)
                if used.adding(demand) > limit.allowed, limit.excess != .observe {
                    let lacking = used.adding(demand).adding(-limit.allowed)
                    let never = inquiry.canNeverFit(limit, demand)
                    verdict.refuse(
                        Refusal(
                            limit: limit, scope: scope, used: used, allowed: limit.allowed,
                            freesAt: never ? nil : tally.flatMap { freesAt(limit, lacking: lacking, $0, windows) },
                            excess: limit.excess, canNeverFit: never))
                } else if limit.quantity != .refusals || !inquiry.isSending {
                    note(limit, scope, party.limits.warnAt, from: used, by: demand, &verdict.crossings)
                }
            }
        }
        return verdict
    }

    /// Notes which marks of a limit lie above `used`, and not above what follows it.
    private func note(
        _ limit: Limit, _ scope: Scope, _ warnAt: [Int], from used: Int64, by demand: Int64,
        _ crossings: inout [Crossing]
    ) {
        let after = used.adding(demand)
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

    /// Keeps the crossings that are news.
    private mutating func announce(_ crossings: inout [Crossing], of subjects: Subjects, _ windows: Windows) {
        guard !crossings.isEmpty else { return }
        var news: [Crossing] = []
        for crossing in crossings {
            guard let subject = subjects[crossing.scope], let position = position(of: subject) else { continue }
            if crossing.limit.window == .message || tallies[position].mark(crossing, windows) { news.append(crossing) }
        }
        crossings = news
    }

    private func freesAt(_ limit: Limit, lacking count: Int64, _ tally: Tally, _ windows: Windows) -> Instant? {
        switch limit.window {
        case .message, .concurrent: nil
        case .hour, .day: tally.release(of: count, by: limit, windows)
        }
    }

    /// Ends what is reserved of `amount`.
    private mutating func settle(_ amount: Amount, of subjects: Subjects) {
        for scope in Scope.inOrder {
            guard let subject = subjects[scope], let position = position(of: subject) else { continue }
            tallies[position].reserved -= amount
        }
    }

    private mutating func countConnection(_ change: Int32, of subjects: Subjects) {
        for scope in Scope.inOrder {
            guard let subject = subjects[scope] else { continue }
            let position = position(making: subject)
            let (count, overflow) = tallies[position].connections.addingReportingOverflow(change)
            if !overflow { tallies[position].connections = max(0, count) }
        }
    }
}

extension Limit {
    /// The least count that is `percent` of what is allowed.
    fileprivate func part(percent: Int) -> Int64 {
        let percent = Int64(min(max(percent, 0), 100))
        let (whole, rest) = allowed.quotientAndRemainder(dividingBy: 100)
        return whole * percent + (rest * percent + 99) / 100
    }
}

extension Amount {
    /// The most that one step may count.
    fileprivate static let step = Amount(
        messages: stepMax, recipients: stepMax, refusals: stepMax, octets: stepMax)
}
