import Synchronization

/// One value of one label, by its place in the label's set of values.
package protocol MetricLabel: Sendable {
    var ordinal: Int { get }
}

/// A label whose values are known when the program is written.
package protocol ClosedLabel: MetricLabel, CaseIterable, RawRepresentable<Int> {
    static var labelName: String { get }
    var labelValue: String { get }
}

extension ClosedLabel {
    package var ordinal: Int { rawValue }

    /// The case's name in snake case.
    package var labelValue: String {
        var text = ""
        for character in String(describing: self) {
            text += character.isUppercase ? "_" + character.lowercased() : String(character)
        }
        return text
    }
}

/// One value of a label whose values come from the configuration; `Tag` tells the labels apart.
package struct NamedLabel<Tag>: MetricLabel {
    package let ordinal: Int
}

/// The values of a label that come from the configuration: few, and never more than its capacity.
///
/// Names are looked up when a listener or a relay is set up, never for each message. Names beyond the capacity
/// share the value `other`. A reload only ever adds names, so counters never go back.
package final class NameSet<Tag>: Sendable {
    private let labelNames: [String]
    private let capacity: Int
    private let entries: Mutex<[[String]]>

    package init(_ labelNames: String..., capacity: Int) {
        self.labelNames = labelNames
        self.capacity = max(capacity, 1)
        entries = Mutex([])
    }

    /// The label of this name, added if it is new.
    package func label(_ values: String...) -> NamedLabel<Tag> {
        entries.withLock { entries in
            if let known = entries.firstIndex(of: values) { return NamedLabel(ordinal: known) }
            if entries.count < capacity - 1 {
                entries.append(values)
            } else if entries.count < capacity {
                entries.append(Array(repeating: "other", count: labelNames.count))
            }
            return NamedLabel(ordinal: entries.count - 1)
        }
    }

    /// The names as an axis of a family.
    package var axis: MetricAxis<NamedLabel<Tag>> {
        MetricAxis(count: capacity) { [self] in
            entries.withLock { $0 }.map { ExpositionPage.labels(labelNames, $0) }
        }
    }
}

/// One label of a family: how many values there can be, and those there are now, written out.
package struct MetricAxis<Label: MetricLabel>: Sendable {
    package let count: Int
    package let rendered: @Sendable () -> [String]

    package init(count: Int, rendered: @escaping @Sendable () -> [String]) {
        self.count = count
        self.rendered = rendered
    }
}

extension MetricAxis where Label: ClosedLabel {
    /// All cases of a closed label.
    package init(_ label: Label.Type) {
        let values = label.allCases.map { ExpositionPage.labels([label.labelName], [$0.labelValue]) }
        self.init(count: values.count) { values }
    }
}
