import WeirQuota

/// What one plan file holds; its first key tells which.
enum PolicyFile {
    case plan(PlanDefinition)
    case customer(LimitsDefinition)
    case gateway(LimitsDefinition)

    /// The first keys there are.
    static let firstKeys = ["plan", "customer", "customers", "gateway"]

    /// Reads one file; `nil` if something in it is wrong, which is then recorded.
    static func read(_ root: YAMLNode, _ reading: Reading) -> PolicyFile? {
        guard case .mapping(let entries) = root.content, let first = entries.first else {
            reading.refuse(root.place, "expected a mapping, found \(root.summary)")
            return nil
        }
        switch first.key.text {
        case "plan": return Keys.read(root, reading, PlanDefinition.read)?.map(PolicyFile.plan)
        case "customer": return Keys.read(root, reading, LimitsDefinition.readCustomer)?.map(PolicyFile.customer)
        case "customers": return Keys.read(root, reading, LimitsDefinition.readCustomers)?.map(PolicyFile.customer)
        case "gateway": return Keys.read(root, reading, LimitsDefinition.readGateway)?.map(PolicyFile.gateway)
        default:
            let message = "a plan file begins with plan, customer, customers or gateway, not \(quoted(first.key.text))"
            let misplaced = entries.first { firstKeys.contains($0.key.text) }.map {
                "move \"\($0.key.text)\" to the top"
            }
            let near = Spelling.nearest(to: first.key.text.lowercased(), among: firstKeys).map {
                "did you mean \"\($0)\"?"
            }
            reading.refuse(first.key.place, message, hint: misplaced ?? near)
            return nil
        }
    }

    /// Every key of every kind of plan file, by kind.
    static var keys: [(kind: String, keys: [KeyDescription])] {
        [
            ("plan", Keys.describe { PlanDefinition.read(&$0) }),
            ("customer", Keys.describe { LimitsDefinition.readCustomer(&$0) }),
            ("customers", Keys.describe { LimitsDefinition.readCustomers(&$0) }),
            ("gateway", Keys.describe { LimitsDefinition.readGateway(&$0) }),
        ]
    }
}

extension PlanDefinition {
    static func read(_ keys: inout Keys) -> PlanDefinition? {
        let name = keys.required("plan", .name, "The plan's name, as accounts and networks refer to it.")
        let description = keys.optional("description", .text, "Whom the plan is for, in a sentence.")
        let extends = keys.optional(
            "extends", .name, "The plan that gives whatever this one leaves out, limit by limit.")
        let limits = keys.limits(keys.has("extends") ? .optional : .required)
        let warnAt = keys.warnAt()
        let detector = keys.optional(
            "detector", Kind<Plan.DetectorMode>.choice,
            "What detection may do to an account: nothing, report what it would do, flag it, or suspend it.")
        let whenSuspended = keys.optional(
            "when_suspended", Kind<Plan.WhenSuspended>.choice,
            "Refuses a suspended account's mail with 550, or with 450, so that its own server keeps the mail.")
        return name.map {
            PlanDefinition(
                name: $0, extends: extends, description: description, limits: limits, warnAt: warnAt,
                detector: detector, whenSuspended: whenSuspended)
        }
    }
}

/// The limits of a customer, of all customers that have no file of their own, or of the gateway.
struct LimitsDefinition {
    /// The customer's name, `nil` for all others and for the gateway.
    var customer: String?
    var limits: LimitSet

    static func readCustomer(_ keys: inout Keys) -> LimitsDefinition? {
        read(&keys, "customer", .text, "The customer's name, as accounts refer to it.")
    }

    static func readCustomers(_ keys: inout Keys) -> LimitsDefinition? {
        var others = read(&keys, "customers", .word("default"), "Limits of each customer without a file of its own.")
        others?.customer = nil
        return others
    }

    static func readGateway(_ keys: inout Keys) -> LimitsDefinition? {
        var gateway = read(&keys, "gateway", .word("limits"), "Limits of the gateway as a whole.")
        gateway?.customer = nil
        return gateway
    }

    private static func read(
        _ keys: inout Keys, _ name: String, _ kind: Kind<String>, _ documentation: String
    ) -> LimitsDefinition? {
        let word = keys.required(name, kind, documentation)
        _ = keys.optional("description", .text, "What the limits are for, in a sentence.")
        let limits = keys.limits(.required)
        let warnAt = keys.warnAt() ?? []
        return word.map { LimitsDefinition(customer: $0, limits: LimitSet(limits, warnAt: warnAt)) }
    }
}

extension Keys {
    /// The limits of a file, at most one of each name.
    fileprivate mutating func limits(_ presence: KeyDescription.Presence) -> [Limit] {
        let documentation = "What may pass, each such as `1000 recipients per day` or `25 MB per message`."
        let limits = list("limits", of: .limit, presence, mayBeEmpty: true, documentation) ?? []
        var seen: [Limit.Name: Place] = [:]
        for limit in limits {
            let name = limit.value.name
            if let first = seen[name] {
                let hint = "the first is in line \(first.line)"
                reading.refuse(at: limit.path, "a second limit \(quoted(name.description))", hint: hint)
            } else {
                seen[name] = reading.places[limit.path]
            }
        }
        return limits.map(\.value)
    }

    /// Ascending, each share once.
    fileprivate mutating func warnAt() -> [Int]? {
        let shares = list("warn_at", of: .percent, .optional, "The shares of a limit at which a warning is due.")
        return shares.map { Set($0.map(\.value)).sorted() }
    }
}
