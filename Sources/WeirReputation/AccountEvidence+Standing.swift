package import WeirBase

extension AccountEvidence {
    /// Whether a recipient must wait: the account is flagged, does not know them, and has written to enough new
    /// people in the last hour.
    ///
    /// `pending` are the new people of this message that were let through already. In a mode that touches no mail the
    /// answer is always no. It changes nothing.
    package func holds(_ person: UInt64, pending: Int, terms: Terms, at now: Instant) -> Bool {
        guard standing.isFlagged, terms.mode == .flag || terms.mode == .suspend, !known.contains(person),
            !seenToday.contains(person)
        else { return false }
        var hour = newByFiveMinutes
        hour.advance(to: now.nanoseconds / (5 * .minute))
        return Double(hour.total) + Double(pending) >= Double(Standing.newPeopleAnHour)
    }

    /// Whether the account may send nothing now.
    package func isStopped(_ terms: Terms) -> Bool { standing.isSuspended && terms.mode == .suspend }

    /// Whether only a person may end this suspension, not a changed password: it is the second within seven days.
    package var needsPerson: Bool {
        guard case .suspended(let since) = standing, let lastRelease else { return false }
        return since.since(lastRelease) < Standing.probation
    }

    /// Ends a suspension: what led to it is forgotten, and what was usual before is kept.
    ///
    /// For the administrator, and after a changed password where it does not ``needsPerson``.
    package mutating func release(terms: Terms, at now: Instant) {
        advance(to: now, terms: terms)
        guard case .suspended(let since) = standing else { return }
        (content, delivery, refusals, complaints) = (-0.5, -0.5, -0.5, 0)
        (strangeNetworksLately, strangeNamesLately, strangeCountriesLately) = (0, 0, 0)
        (failedLogins, capsReached) = (0, 0)
        networks.forget(since: since)
        names.forget(since: since)
        countries.forget(since: since)
        (newByHour, newByFiveMinutes) = (Ring(slots: 24), Ring(slots: 12))
        moveRings(to: now)
        texts = TextTable()
        suspects = Suspects()
        today = DayTally()
        lastRelease = now
        standing = .probation(until: now + Standing.probation)
    }
}
