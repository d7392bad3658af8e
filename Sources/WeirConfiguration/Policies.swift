package import WeirQuota

/// All plans and limits, ready for the ledger.
package struct Policies: Hashable, Sendable {
    package var plans: PlanSet
    /// The limits of the customers that have a file of their own.
    package var customers: [String: LimitSet]
    /// The limits of each other customer.
    package var otherCustomers: LimitSet
    package var gateway: LimitSet

    package init(
        plans: PlanSet, customers: [String: LimitSet] = [:], otherCustomers: LimitSet = .none,
        gateway: LimitSet = .none
    ) {
        self.plans = plans
        self.customers = customers
        self.otherCustomers = otherCustomers
        self.gateway = gateway
    }

    /// The limits of this customer.
    package func limits(ofCustomer name: String) -> LimitSet { customers[name] ?? otherCustomers }

    /// Every key of every kind of plan file, by the kind's first key.
    package static var keys: [(kind: String, keys: [KeyDescription])] { PolicyFile.keys }
}

/// Puts the plan files together: names are unique over all of them, and what a plan extends exists.
struct PolicyAssembly {
    private(set) var errors: [ConfigurationError] = []
    private var definitions: [PlanDefinition] = []
    private var customers: [String: LimitSet] = [:]
    private var otherCustomers = LimitSet.none
    private var gateway = LimitSet.none
    /// Where each plan, each customer and the like was first given.
    private var seen: [String: Place] = [:]
    /// Where each plan says what it extends.
    private var extensions: [String: Place] = [:]

    /// In the order of the files.
    var planNames: [String] { definitions.map(\.name) }

    mutating func add(_ file: PolicyFile, _ places: [String: Place]) {
        switch file {
        case .plan(let plan):
            guard isFirst("plan \(quoted(plan.name))", places["plan"]) else { return }
            definitions.append(plan)
            extensions[plan.name] = places["extends"]
        case .customer(let definition):
            if let name = definition.customer {
                guard isFirst("customer \(quoted(name))", places["customer"]) else { return }
                customers[name] = definition.limits
            } else {
                guard isFirst("file of limits for the other customers", places["customers"]) else { return }
                otherCustomers = definition.limits
            }
        case .gateway(let definition):
            guard isFirst("file of limits for the gateway", places["gateway"]) else { return }
            gateway = definition.limits
        }
    }

    /// Fills in what plans take from the plans they extend; call once, after the last file.
    mutating func policies() -> Policies? {
        do throws(PlanSetError) {
            return Policies(
                plans: try PlanSet(definitions), customers: customers, otherCustomers: otherCustomers,
                gateway: gateway)
        } catch {
            for fault in error.faults { refuse(fault) }
            return nil
        }
    }

    private mutating func refuse(_ fault: PlanFault) {
        switch fault {
        case .unknownParent(let plan, let parent, _):
            guard let place = extensions[plan] else { return }
            let hint = Spelling.hint(for: parent, among: planNames)
            errors.append(ConfigurationError(place, "unknown plan \(quoted(parent))", hint: hint))
        case .cycle(let plan, let path):
            guard let place = extensions[plan] else { return }
            let hint = path.joined(separator: " extends ")
            errors.append(ConfigurationError(place, "the plan \(quoted(plan)) extends itself", hint: hint))
        case .duplicatePlan, .duplicateLimit:
            // Told already, at the place of the second.
            break
        }
    }

    private mutating func isFirst(_ what: String, _ place: Place?) -> Bool {
        guard let place else { return false }
        if let first = seen[what] {
            errors.append(ConfigurationError(place, "a second \(what)", hint: "the first is at \(first)"))
            return false
        }
        seen[what] = place
        return true
    }
}
