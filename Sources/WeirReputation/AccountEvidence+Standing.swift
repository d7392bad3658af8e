package import WeirBase

extension AccountEvidence {
    /// Whether a recipient must wait: the account is flagged, does not know them, and has written to enough new
    /// people in the last hour.
    ///
    /// `pending` are the new people that were let through already, of messages that are not judged yet. In a mode that touches no mail the
    /// answer is always no. It changes nothing.
    package func holds(_ person: UInt64, pending: Int, terms: Terms, at now: Instant) -> Bool {
        guard terms.mode == .flag || terms.mode == .suspend, !known.contains(person),
            let present = flagged(terms: terms, at: now), !present.seenToday.contains(person)
        else { return false }
        return Double(present.newByFiveMinutes.total) + Double(pending) >= Double(Standing.newPeopleAnHour)
    }

    /// The same at `now`, where it is still flagged then; nil: it is not.
    func flagged(terms: Terms, at now: Instant) -> AccountEvidence? {
        guard isFlagged(in: terms.mode) else { return nil }
        var present = self
        present.advance(to: now, terms: terms)
        return present.isFlagged(in: terms.mode) ? present : nil
    }

    func isFlagged(in mode: Mode) -> Bool { standing.isFlagged && stands(in: mode) }

    /// Whether it is flagged or suspended, as a mode sees it.
    func isRestrained(in mode: Mode) -> Bool { isFlagged(in: mode) || isSuspended(in: mode) }

    /// Whether it is suspended as a mode sees it; in shadow that stops nobody.
    func isSuspended(in mode: Mode) -> Bool { standing.isSuspended && stands(in: mode) }

    /// Whether the account may send nothing now.
    package func isStopped(_ terms: Terms) -> Bool { isSuspended(in: .suspend) && terms.mode == .suspend }

    /// In place of the verdict that led to the standing, which nobody has any more: what is known now, without any message.
    func lateVerdict(terms: Terms, at now: Instant) -> Verdict {
        var present = self
        present.advance(to: now, terms: terms)
        let findings = present.findings(Findings.OfMessage(), terms, now)
        return Verdict(
            time: now, before: .normal, after: standing, score: Score(findings), findings: findings,
            thresholds: terms.thresholds, messages: suspects.ids, isBefore: false)
    }

    /// Whether only a person may end this suspension, not a changed password: it is the second within seven days.
    package var needsPerson: Bool {
        guard case .suspended(let since) = standing, let lastRelease else { return false }
        return since.since(lastRelease) < Standing.probation
    }

    /// Ends a suspension or a flag: what led to it is forgotten, and what was usual before is kept.
    ///
    /// For the administrator, and after a changed password where it does not ``needsPerson``. After a suspension comes probation.
    /// What machines behind it have done since `incidentOfMachines` is forgotten too. Returns since when it was restrained; nil: it
    /// was not.
    @discardableResult
    package mutating func release(terms: Terms, at now: Instant, incidentOfMachines: Instant? = nil) -> Instant? {
        advance(to: now, terms: terms)
        let start = standing.restrainedSince
        if let first = [start, incidentOfMachines].compactMap(\.self).min() { forgetIncident(since: first, now) }
        switch standing {
        case .suspended:
            lastRelease = now
            move(to: .probation(until: now + Standing.probation), in: terms.mode)
        case .flagged: move(to: unflagged(at: now), in: terms.mode)
        case .normal, .probation: break
        }
        return start
    }

    /// Where an account is whose flag ends: in what is left of its probation, if there was one.
    func unflagged(at now: Instant) -> Standing {
        let end = lastRelease.map { $0 + Standing.probation } ?? now
        return end > now ? .probation(until: end) : .normal
    }

    private mutating func forgetIncident(since start: Instant, _ now: Instant) {
        (content, delivery, refusals, complaints) = (-0.5, -0.5, -0.5, 0)
        (strangeNetworksLately, strangeNamesLately, strangeCountriesLately) = (0, 0, 0)
        (failedLogins, capsReached) = (0, 0)
        networks.forget(since: start)
        names.forget(since: start)
        countries.forget(since: start)
        (newByHour, newByFiveMinutes) = (Ring(), Ring())
        moveRings(to: now)
        texts = TextTable()
        suspects = Suspects()
        today = DayTally()
    }
}
