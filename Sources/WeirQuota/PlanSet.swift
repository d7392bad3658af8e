/// A plan as a file defines it, before what it extends is filled in.
package struct PlanDefinition: Hashable, Sendable {
    package var name: String
    package var extends: String?
    package var description: String?
    package var limits: [Limit]
    package var warnAt: [Int]?
    package var detector: Plan.DetectorMode?
    package var whenSuspended: Plan.WhenSuspended?

    package init(
        name: String, extends: String? = nil, description: String? = nil, limits: [Limit] = [], warnAt: [Int]? = nil,
        detector: Plan.DetectorMode? = nil, whenSuspended: Plan.WhenSuspended? = nil
    ) {
        self.name = name
        self.extends = extends
        self.description = description
        self.limits = limits
        self.warnAt = warnAt
        self.detector = detector
        self.whenSuspended = whenSuspended
    }
}

/// What is wrong with a definition; each case begins with the name of the plan at fault.
package enum PlanFault: Hashable, Sendable, CustomStringConvertible {
    case duplicatePlan(String)
    case duplicateLimit(plan: String, limit: Limit.Name)
    case unknownParent(plan: String, parent: String, nearest: String?)
    /// The plan extends itself, by way of the others on the path, which begins and ends with it.
    case cycle(plan: String, path: [String])

    package var description: String {
        switch self {
        case .duplicatePlan(let plan): "plan \(plan) is defined twice"
        case .duplicateLimit(let plan, let limit): "plan \(plan) has \(limit) twice; a plan has one of each name"
        case .unknownParent(let plan, let parent, let nearest):
            "plan \(plan) extends \(parent), which is not defined" + (nearest.map { "; did you mean \($0)?" } ?? "")
        case .cycle(_, let path): "plan \(path.joined(separator: " extends "))"
        }
    }
}

/// All that is wrong with a set of definitions, in their order.
package struct PlanSetError: Error, Hashable, Sendable {
    package let faults: [PlanFault]
}

/// The plans of a gateway, each with all that it inherits.
package struct PlanSet: Hashable, Sendable {
    /// In the order of their definitions.
    package let plans: [Plan]
    private let positions: [String: Int]

    /// Resolves what each definition extends: a limit of its own replaces its parent's of the same name, all else is
    /// the parent's where the definition is silent.
    package init(_ definitions: [PlanDefinition]) throws(PlanSetError) {
        var faults: [PlanFault] = []
        var byName: [String: PlanDefinition] = [:]
        for definition in definitions {
            if byName.updateValue(definition, forKey: definition.name) != nil {
                faults.append(.duplicatePlan(definition.name))
            }
            var names: Set<Limit.Name> = []
            for limit in definition.limits where !names.insert(limit.name).inserted {
                faults.append(.duplicateLimit(plan: definition.name, limit: limit.name))
            }
        }
        var plans: [Plan] = []
        for definition in definitions {
            switch Self.lineage(of: definition, in: byName, names: definitions.map(\.name)) {
            case .success(let lineage): plans.append(Plan(lineage: lineage, name: definition.name))
            case .failure(let fault): fault.map { faults.append($0) }
            }
        }
        guard faults.isEmpty else { throw PlanSetError(faults: faults) }
        self.plans = plans
        positions = Dictionary(uniqueKeysWithValues: plans.indices.map { (plans[$0].name, $0) })
    }

    package subscript(name: String) -> Plan? { positions[name].map { plans[$0] } }

    private enum Lineage {
        /// From the first ancestor down to the definition itself.
        case success([PlanDefinition])
        /// Nil where the fault is an ancestor's, which reports it.
        case failure(PlanFault?)
    }

    private static func lineage(
        of definition: PlanDefinition, in byName: [String: PlanDefinition], names: [String]
    ) -> Lineage {
        var lineage = [definition]
        var seen: Set = [definition.name]
        while let parent = lineage[lineage.count - 1].extends {
            let child = lineage[lineage.count - 1].name
            guard parent != definition.name else {
                return .failure(.cycle(plan: parent, path: lineage.map(\.name) + [parent]))
            }
            guard let next = byName[parent] else {
                guard child == definition.name else { return .failure(nil) }
                let nearest = Spelling.nearest(to: parent, among: names)
                return .failure(.unknownParent(plan: child, parent: parent, nearest: nearest))
            }
            guard seen.insert(parent).inserted else { return .failure(nil) }
            lineage.append(next)
        }
        return .success(lineage.reversed())
    }
}

extension Plan {
    fileprivate init(lineage: [PlanDefinition], name: String) {
        self.init(name: name)
        for definition in lineage {
            description = definition.description ?? description
            warnAt = definition.warnAt.map { $0.sorted() } ?? warnAt
            detector = definition.detector ?? detector
            whenSuspended = definition.whenSuspended ?? whenSuspended
            for limit in definition.limits {
                if let position = limits.firstIndex(where: { $0.name == limit.name }) {
                    limits[position] = limit
                } else {
                    limits.append(limit)
                }
            }
        }
    }
}
