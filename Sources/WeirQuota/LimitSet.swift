package import WeirBase

/// A limit of an account's own, instead of its plan's of the same name.
package struct Override: Hashable, Sendable {
    package var limit: Limit
    /// Its first instant of no effect; nil: for good.
    package var until: Instant?
    package var reason: String

    package init(limit: Limit, until: Instant? = nil, reason: String) {
        self.limit = limit
        self.until = until
        self.reason = reason
    }
}

/// The limits of one party, made ready for decisions; the accounts of a plan share one.
package struct LimitSet: Hashable, Sendable {
    /// One name's limits: the one that stands, and the one that replaces it for a while.
    struct Rule: Hashable, Sendable {
        var standing: Bound?
        var override: Bound?
        var overrideEnd = Instant(nanoseconds: 0)

        func bound(at now: Instant) -> Bound? { now < overrideEnd ? override : standing }
    }

    /// A limit, and the least count at which there is something to tell about it.
    struct Bound: Hashable, Sendable {
        let limit: Limit
        let firstMark: Int64

        init(_ limit: Limit, warnAt: [Int]) {
            self.limit = limit
            firstMark =
                switch (limit.excess, limit.window) {
                case (.observe, _): limit.allowed.adding(1)
                case (_, .message): .max
                case (_, _): warnAt.map(limit.part(percent:)).min() ?? .max
                }
        }
    }

    /// What all copies share: a decision that takes a copy counts one reference.
    private final class Terms: Sendable {
        let rules: [Rule]
        let warnAt: [Int]

        init(rules: [Rule], warnAt: [Int]) {
            self.rules = rules
            self.warnAt = warnAt
        }
    }

    private let terms: Terms
    var rules: [Rule] { terms.rules }
    var warnAt: [Int] { terms.warnAt }

    /// Lets everything pass.
    package static let none = LimitSet()

    /// Of two limits, or two overrides, of one name the later holds; `warnAt` are percentages.
    package init(_ limits: [Limit] = [], warnAt: [Int] = [], overrides: [Override] = []) {
        var rules: [Rule] = []
        func change(_ name: Limit.Name, _ body: (inout Rule) -> Void) {
            let position = rules.firstIndex { ($0.standing ?? $0.override)?.limit.name == name }
            if position == nil { rules.append(Rule()) }
            body(&rules[position ?? rules.count - 1])
        }
        for limit in limits { change(limit.name) { $0.standing = Bound(limit, warnAt: warnAt) } }
        for override in overrides {
            change(override.limit.name) {
                $0.override = Bound(override.limit, warnAt: warnAt)
                $0.overrideEnd = override.until ?? .distantFuture
            }
        }
        terms = Terms(rules: rules, warnAt: warnAt)
    }

    package static func == (left: LimitSet, right: LimitSet) -> Bool {
        left.terms === right.terms || left.rules == right.rules && left.warnAt == right.warnAt
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(rules) }

    package init(_ plan: Plan, overrides: [Override] = []) {
        self.init(plan.limits, warnAt: plan.warnAt, overrides: overrides)
    }

    /// The limits in force, in the plan's order.
    package func limits(at now: Instant) -> [Limit] { rules.compactMap { $0.bound(at: now)?.limit } }

    /// The limit in force under a name, as EHLO announces `recipients-per-message` and `size-per-message`.
    package func limit(named name: Limit.Name, at now: Instant) -> Limit? {
        for rule in rules { if let limit = rule.bound(at: now)?.limit, limit.name == name { return limit } }
        return nil
    }

    /// Whether octets are held to an hour's or a day's limit, so that growth must be durable before the dot.
    package func boundsOctets(at now: Instant) -> Bool {
        rules.contains { rule in
            guard let limit = rule.bound(at: now)?.limit else { return false }
            return limit.quantity == .octets && limit.window != .message && limit.excess != .observe
        }
    }
}
