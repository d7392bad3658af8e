package import WeirBase

/// Slows guessing of passwords: per source network it refuses, per login it only delays, so that nobody can lock an
/// owner out by failing in his name. A guess that a source repeats is no new guess: a program that goes on with an old password counts
/// once, and locks nobody out who shares its network.
///
/// A source is an IPv4 address or an IPv6 /64. Both tables are bounded; when one is full its oldest half is forgotten.
package struct AuthenticationThrottle {
    package enum Verdict: Equatable, Sendable {
        /// Check the password after so many nanoseconds.
        case proceed(delay: UInt64)
        /// Too many failures from this source: 454 without looking at the password.
        case refuse
    }

    /// Failures a source may have at once; one is forgiven every ``sourceForgiveness``. As many of its guesses are remembered.
    package static let sourceFailuresMax = 10
    package static let sourceForgiveness: UInt64 = 30 * .second
    /// Failures of a login that cost nothing; each further one doubles the delay.
    package static let loginFailuresFree = 5
    package static let loginForgiveness: UInt64 = 60 * .second
    /// The longest delay, in nanoseconds.
    package static let delayMax: UInt64 = 8 * .second
    /// Entries kept in each table.
    package static let entriesMax = 65_536

    /// A bucket that leaks: so many failures, of which one is forgiven each span since `since`.
    private struct Failures {
        var count = 0
        var since: Instant
        /// The last of them, the newest last.
        var guesses: [UInt64] = []

        func remaining(at now: Instant, forgiveness: UInt64) -> Int {
            max(0, count - Int(min(now.since(since) / forgiveness, UInt64(Int32.max))))
        }

        /// One more; the part of a span that has passed is kept, or failures just short of a span apart would never be forgiven.
        mutating func add(at now: Instant, forgiveness: UInt64) {
            let left = remaining(at: now, forgiveness: forgiveness)
            since = left == 0 ? now : since + UInt64(count - left) * forgiveness
            count = left + 1
        }
    }

    private var sources: [IPNetwork: Failures] = [:]
    private var logins: [String: Failures] = [:]

    package init() {}

    /// What to do about an attempt that begins now.
    package func admit(source: IPAddress, login: String, now: Instant) -> Verdict {
        if let failures = sources[AuthenticationThrottle.network(of: source)],
            failures.remaining(at: now, forgiveness: AuthenticationThrottle.sourceForgiveness)
                >= AuthenticationThrottle.sourceFailuresMax
        {
            return .refuse
        }
        let failed = logins[login]?.remaining(at: now, forgiveness: AuthenticationThrottle.loginForgiveness) ?? 0
        let excess = failed - AuthenticationThrottle.loginFailuresFree
        guard excess > 0 else { return .proceed(delay: 0) }
        return .proceed(delay: min((.second / 4) << UInt64(min(excess, 10)), AuthenticationThrottle.delayMax))
    }

    /// Whether this very guess is among the last that failed from there, and so fails again.
    package func hasFailed(_ guess: UInt64, from source: IPAddress) -> Bool {
        sources[AuthenticationThrottle.network(of: source)]?.guesses.contains(guess) == true
    }

    /// Notes a wrong password or an unknown login; `guess` stands for what was tried against what.
    package mutating func fail(_ guess: UInt64, from source: IPAddress, login: String, now: Instant) {
        AuthenticationThrottle.note(
            &sources, AuthenticationThrottle.network(of: source), now, AuthenticationThrottle.sourceForgiveness, guess)
        AuthenticationThrottle.note(&logins, login, now, AuthenticationThrottle.loginForgiveness)
    }

    private static func network(of source: IPAddress) -> IPNetwork {
        IPNetwork(containing: source, length: source.isIPv4 ? 32 : 64)
    }

    private static func note<Key: Hashable>(
        _ table: inout [Key: Failures], _ key: Key, _ now: Instant, _ forgiveness: UInt64, _ guess: UInt64? = nil
    ) {
        if table.count >= entriesMax, table[key] == nil {
            let ages = table.values.map(\.since).sorted()
            let middle = ages[ages.count / 2]
            table = table.filter { $0.value.since > middle }
        }
        var failures = table[key] ?? Failures(since: now)
        failures.add(at: now, forgiveness: forgiveness)
        if let guess { failures.guesses = failures.guesses.suffix(sourceFailuresMax - 1) + [guess] }
        table[key] = failures
    }
}
