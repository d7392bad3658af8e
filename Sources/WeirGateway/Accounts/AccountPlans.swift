import WeirBase
import WeirConfiguration
import WeirQuota
import WeirRuntime
import WeirStore

/// The policies, and from records to standings: all accounts of a plan share its limits.
struct AccountPlans: Sendable {
    let policies: Policies
    private let terms: [String: Account.Terms]

    init(_ policies: Policies) {
        self.policies = policies
        var terms: [String: Account.Terms] = [:]
        for plan in policies.plans.plans { terms[plan.name] = Account.Terms(plan) }
        self.terms = terms
    }

    /// What holds for an account as the store has it; `wall` tells which overrides have ended.
    func standing(
        of record: AccountRecord, subject: SubjectID, customer: SubjectID?, now: Instant, wall: WallTime
    ) -> Account.Standing {
        var standing = standing(of: subject, plan: record.plan)
        let overrides = record.overrides.compactMap { stored -> Override? in
            guard let limit = try? Limit(parsing: stored.limit) else { return nil }
            let until = stored.until.map { until in
                until.nanoseconds > wall.nanoseconds ? now + (until.nanoseconds - wall.nanoseconds) : now
            }
            return Override(limit: limit, until: until, reason: stored.reason)
        }
        if !overrides.isEmpty {
            standing.parties.account.limits = LimitSet(standing.terms.plan, overrides: overrides)
        }
        if let customer, let name = record.customer {
            standing.parties.customer = Party(customer, limits: policies.limits(ofCustomer: name))
        }
        standing.state = record.state
        // Who is told by a network is no stranger who has just signed up.
        let isByLogin = record.networks.isEmpty && record.namesake == nil
        standing.opened = isByLogin ? record.opened.map { now.before(wall, $0) } : nil
        standing.passwordHash = record.passwordHash
        standing.tokens = record.tokens
        return standing
    }

    /// What holds for an account that a rule of `networks:` gave.
    func provisional(_ subject: SubjectID, plan: String) -> Account.Standing {
        var standing = standing(of: subject, plan: plan)
        standing.isProvisional = true
        return standing
    }

    private func standing(of subject: SubjectID, plan name: String) -> Account.Standing {
        let known = terms[name]
        let terms = known ?? Account.Terms(Plan(name: name))
        return Account.Standing(
            terms: terms, parties: Parties(account: Party(subject, limits: terms.limits), gateway: policies.gateway),
            refusal: known == nil ? .unknownPlan : nil)
    }
}

extension Instant {
    /// When it was `earlier`, while this is `wall`; a time that is yet to come is now.
    fileprivate func before(_ wall: WallTime, _ earlier: WallTime) -> Instant {
        let age = wall.nanoseconds > earlier.nanoseconds ? wall.nanoseconds - earlier.nanoseconds : 0
        return Instant(nanoseconds: nanoseconds > age ? nanoseconds - age : 0)
    }
}
