import WeirBase

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
        let subjects = reservation.subjects ?? parties.subjects
        let seats = seats(of: subjects)
        let inquiry = Inquiry(asking: amount, held: reservation.held)
        var verdict = judge(inquiry, parties, subjects, seats, moment.now, windows)
        if let refusal = verdict.refusal { return .refused(refusal) }
        take(inquiry, into: &reservation, subjects, seats)
        announce(&verdict.crossings, seats, windows)
        return .admitted(verdict.crossings)
    }

    private mutating func take(
        _ inquiry: Inquiry, into reservation: inout Reservation, _ subjects: Subjects, _ seats: Seats
    ) {
        let taken = inquiry.taken
        reservation.subjects = subjects
        reservation.held += taken
        for scope in Scope.allCases {
            if let seat = seats[scope] { tallies[seat].reserved += taken }
        }
    }

    /// Gives back part of what a message holds, at most all: a recipient that the relay refused, RSET, a lost client.
    package mutating func release(_ amount: Amount, from reservation: inout Reservation) {
        guard let subjects = reservation.subjects else { return }
        let given = amount.clamped(to: reservation.held)
        reservation.held -= given
        settle(given, of: seats(of: subjects))
        if reservation.held == .zero { reservation.subjects = nil }
    }

    /// Makes a charge of all that a message holds, in the slot of now: call it as its dot goes out.
    ///
    /// - Returns: Nil where nothing was reserved.
    package mutating func commit(_ reservation: inout Reservation, at moment: Moment) -> Charge? {
        guard let subjects = reservation.subjects else { return nil }
        let windows = windows(at: moment)
        let amount = reservation.held
        let seats = seats(of: subjects)
        settle(amount, of: seats)
        var editions = Charge.Editions()
        for scope in Scope.allCases {
            guard let seat = seats[scope] else { continue }
            tallies[seat].add(amount, to: windows.current, windows)
            editions[scope] = tallies[seat].edition
        }
        reservation = Reservation()
        return Charge(slot: Slot(number: windows.current), subjects: subjects, amount: amount, editions: editions)
    }

    /// Takes part of a charge out of its slot, at most what is left of it; where that slot is no longer kept, or was
    /// forgiven, the counts stay as they are.
    @discardableResult
    package mutating func refund(_ amount: Amount, from charge: inout Charge, at moment: Moment) -> Refund {
        let windows = windows(at: moment)
        var refund = Refund(amount: amount.clamped(to: charge.amount))
        charge.amount -= refund.amount
        for scope in Scope.allCases {
            guard let subject = charge.subjects[scope] else { continue }
            if let seat = position(of: subject), tallies[seat].edition == charge.editions[scope] {
                tallies[seat].subtract(refund.amount, from: charge.slot.number, windows)
            } else {
                refund.forgiven.append(subject)
            }
        }
        return refund
    }

    /// Counts recipients that were refused, by us or a relay; it always does.
    package mutating func record(refusals count: Int64, for parties: Parties, at moment: Moment) -> [Crossing] {
        let windows = windows(at: moment)
        let seats = seats(of: parties.subjects)
        let inquiry = Inquiry(amount: Amount(refusals: count).clamped(to: .step))
        var verdict = judge(inquiry, parties, parties.subjects, seats, moment.now, windows)
        for scope in Scope.allCases {
            if let seat = seats[scope] { tallies[seat].add(inquiry.amount, to: windows.current, windows) }
        }
        announce(&verdict.crossings, seats, windows)
        return verdict.crossings
    }

    /// Counts a connection; each that was admitted is to be ended with ``disconnect(_:)`` of the same subjects.
    package mutating func connect(_ parties: Parties, at moment: Moment) -> Decision {
        let windows = windows(at: moment)
        let seats = seats(of: parties.subjects)
        var verdict = judge(Inquiry(connections: 1), parties, parties.subjects, seats, moment.now, windows)
        if let refusal = verdict.refusal { return .refused(refusal) }
        countConnection(+1, of: seats)
        announce(&verdict.crossings, seats, windows)
        return .admitted(verdict.crossings)
    }

    /// Ends a connection that was counted.
    package mutating func disconnect(_ subjects: Subjects) { countConnection(-1, of: seats(of: subjects)) }

    /// Every limit in force of every party, with what is used of it.
    package mutating func usage(of parties: Parties, at moment: Moment) -> [LimitUsage] {
        let windows = windows(at: moment)
        var usages: [LimitUsage] = []
        for scope in Scope.allCases {
            guard let party = parties[scope] else { continue }
            let tally = position(of: party.subject).map { tallies[$0] } ?? Tally(party.subject, edition: 0)
            for limit in party.limits.limits(at: moment.now) {
                let total = tally.used(of: limit, held: .zero, windows)
                let reserved = limit.window == .hour || limit.window == .day ? tally.reserved[limit.quantity] : 0
                let isFull = total >= limit.allowed && limit.allowed > 0
                usages.append(
                    LimitUsage(
                        limit: limit, scope: scope, used: total.adding(-reserved), reserved: reserved,
                        allowed: limit.allowed,
                        freesAt: isFull
                            ? tally.freesAt(limit, lacking: (total - limit.allowed).adding(1), windows) : nil))
            }
        }
        return usages
    }
}

// MARK: The parts of a decision

extension Book {
    /// Asks every limit, so that a refusal tells when all of them have room.
    private func judge(
        _ inquiry: Inquiry, _ parties: Parties, _ subjects: Subjects, _ seats: Seats, _ now: Instant,
        _ windows: Windows
    ) -> Verdict {
        var verdict = Verdict()
        if parties.account.subject == subjects.account {
            ask(parties.account.limits, .account, seats.account, inquiry, now, windows, &verdict)
        }
        if let customer = parties.customer, let seat = seats.customer, customer.subject == subjects.customer {
            ask(customer.limits, .customer, seat, inquiry, now, windows, &verdict)
        }
        ask(parties.gateway.limits, .gateway, Seats.gateway, inquiry, now, windows, &verdict)
        return verdict
    }

    /// Asks the limits of one party.
    private func ask(
        _ limits: LimitSet, _ scope: Scope, _ seat: Int, _ inquiry: Inquiry, _ now: Instant, _ windows: Windows,
        _ verdict: inout Verdict
    ) {
        for index in limits.rules.indices {
            guard let bound = limits.rules[index].bound(at: now) else { continue }
            let limit = bound.limit
            let demand = inquiry.demand(on: limit)
            guard demand > 0 else { continue }
            let used = tallies[seat].used(of: limit, held: inquiry.held, windows)
            let after = used.adding(demand)
            if after > limit.allowed, limit.excess != .observe {
                let room = room(for: demand, by: limits.rules[index], limit, seat, inquiry, now, windows)
                verdict.refuse(
                    Refusal(
                        limit: limit, scope: scope, used: used, allowed: limit.allowed, freesAt: room.at,
                        excess: limit.excess, canNeverFit: room.isNever))
            } else if after >= bound.firstMark, limit.quantity != .refusals || !inquiry.isSending {
                verdict.note(limit, scope, limits.warnAt, from: used, to: after)
            }
        }
    }

    /// When a limit that refuses has room: by itself, or once its override has ended, by what holds then.
    private func room(
        for demand: Int64, by rule: LimitSet.Rule, _ limit: Limit, _ seat: Int, _ inquiry: Inquiry, _ now: Instant,
        _ windows: Windows
    ) -> (at: Instant?, isNever: Bool) {
        let tally = tallies[seat]
        func room(by limit: Limit, from earliest: Instant) -> Instant? {
            let lacking = tally.used(of: limit, held: inquiry.held, windows).adding(demand).adding(-limit.allowed)
            guard lacking > 0 else { return earliest }
            return tally.freesAt(limit, lacking: lacking, windows).map { max($0, earliest) }
        }
        let isNever = inquiry.canNeverFit(limit, demand)
        let own = isNever ? nil : room(by: limit, from: now)
        guard limit.window == .hour || limit.window == .day, now < rule.overrideEnd, rule.overrideEnd != .distantFuture
        else { return (own, isNever) }
        guard let standing = rule.standing?.limit, standing.excess != .observe else {
            return (min(own ?? rule.overrideEnd, rule.overrideEnd), false)
        }
        guard !inquiry.canNeverFit(standing, demand) else { return (own, isNever) }
        let later = room(by: standing, from: rule.overrideEnd)
        return ([own, later].compactMap(\.self).min(), false)
    }

    /// Keeps the crossings that are news.
    private mutating func announce(_ crossings: inout [Crossing], _ seats: Seats, _ windows: Windows) {
        guard !crossings.isEmpty else { return }
        var news: [Crossing] = []
        for crossing in crossings {
            guard let seat = seats[crossing.scope] else { continue }
            if crossing.limit.window == .message || tallies[seat].mark(crossing, windows) { news.append(crossing) }
        }
        crossings = news
    }

    /// Ends what is reserved of `amount`.
    private mutating func settle(_ amount: Amount, of seats: Seats) {
        for scope in Scope.allCases {
            if let seat = seats[scope] { tallies[seat].reserved -= amount }
        }
    }

    private mutating func countConnection(_ change: Int32, of seats: Seats) {
        for scope in Scope.allCases {
            guard let seat = seats[scope] else { continue }
            let (count, overflow) = tallies[seat].connections.addingReportingOverflow(change)
            if !overflow { tallies[seat].connections = max(0, count) }
        }
    }
}
