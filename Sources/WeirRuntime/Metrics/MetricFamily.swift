/// What a family of metrics is called, what it means, and how one of its instruments is made.
package struct MetricDescription<Made: Instrument>: Sendable {
    package let name: String
    package let help: String
    package let type: String
    /// How many of the unit that is counted make one of the unit that is shown: 10^9 for nanoseconds as seconds.
    package let scale: UInt64
    package let make: @Sendable () -> Made
}

extension MetricDescription where Made == Counter {
    package static func counter(_ name: String, _ help: String) -> Self {
        Self(name: name, help: help, type: "counter", scale: 1) { Counter() }
    }
}

extension MetricDescription where Made == Gauge {
    package static func gauge(_ name: String, _ help: String, scale: UInt64 = 1) -> Self {
        Self(name: name, help: help, type: "gauge", scale: scale) { Gauge() }
    }

    /// A counter kept elsewhere, read at each scrape.
    package static func sampledCounter(_ name: String, _ help: String, scale: UInt64 = 1) -> Self {
        Self(name: name, help: help, type: "counter", scale: scale) { Gauge() }
    }
}

extension MetricDescription where Made == Histogram {
    package static func histogram(_ name: String, _ help: String, bounds: [UInt64], scale: UInt64 = 1) -> Self {
        Self(name: name, help: help, type: "histogram", scale: scale) { Histogram(bounds: bounds) }
    }
}

extension MetricDescription where Made == Info {
    package static func info(_ name: String, _ help: String, labels: [String]) -> Self {
        Self(name: name, help: help, type: "gauge", scale: 1) { Info(labels) }
    }
}

/// A family with one label.
package struct MetricFamily<Made: Instrument, A: MetricLabel>: Sendable {
    fileprivate let cells: [Made]

    package subscript(a: A) -> Made { cells[a.ordinal] }
}

/// A family with two labels.
package struct MetricFamily2<Made: Instrument, A: MetricLabel, B: MetricLabel>: Sendable {
    fileprivate let cells: [Made]
    fileprivate let width: Int

    package subscript(a: A, b: B) -> Made { cells[a.ordinal * width + b.ordinal] }
}

/// A family with three labels.
package struct MetricFamily3<Made: Instrument, A: MetricLabel, B: MetricLabel, C: MetricLabel>: Sendable {
    fileprivate let cells: [Made]
    fileprivate let width: Int
    fileprivate let depth: Int

    package subscript(a: A, b: B, c: C) -> Made { cells[(a.ordinal * width + b.ordinal) * depth + c.ordinal] }
}

/// All families of a program, in the order they were added: filled once at start, then read by every scrape.
///
/// Every instrument is made when its family is added, so each series starts at 0 before anything happens.
package struct MetricRegistry: Sendable {
    private struct Entry: Sendable {
        let name: String
        let help: String
        let type: String
        let scale: UInt64
        let cells: [any Instrument]
        let axes: [@Sendable () -> [String]]
        /// Cells from one value of an axis to its next.
        let strides: [Int]
    }

    private var entries: [Entry] = []

    package init() {}

    /// Every family's name and type, as the dashboards' test needs them.
    package var families: [(name: String, type: String)] { entries.map { ($0.name, $0.type) } }

    /// Adds a family without labels.
    package mutating func add<Made>(_ description: MetricDescription<Made>) -> Made {
        let made = description.make()
        insert(description, cells: [made], axes: [], strides: [])
        return made
    }

    /// Adds a family with one label.
    package mutating func add<Made, A>(
        _ description: MetricDescription<Made>, _ a: MetricAxis<A>
    ) -> MetricFamily<Made, A> {
        let cells = (0..<a.count).map { _ in description.make() }
        insert(description, cells: cells, axes: [a.rendered], strides: [1])
        return MetricFamily(cells: cells)
    }

    /// Adds a family with two labels.
    package mutating func add<Made, A, B>(
        _ description: MetricDescription<Made>, _ a: MetricAxis<A>, _ b: MetricAxis<B>
    ) -> MetricFamily2<Made, A, B> {
        let cells = (0..<a.count * b.count).map { _ in description.make() }
        insert(description, cells: cells, axes: [a.rendered, b.rendered], strides: [b.count, 1])
        return MetricFamily2(cells: cells, width: b.count)
    }

    /// Adds a family with three labels.
    package mutating func add<Made, A, B, C>(
        _ description: MetricDescription<Made>, _ a: MetricAxis<A>, _ b: MetricAxis<B>, _ c: MetricAxis<C>
    ) -> MetricFamily3<Made, A, B, C> {
        let cells = (0..<a.count * b.count * c.count).map { _ in description.make() }
        insert(
            description, cells: cells, axes: [a.rendered, b.rendered, c.rendered],
            strides: [b.count * c.count, c.count, 1])
        return MetricFamily3(cells: cells, width: b.count, depth: c.count)
    }

    private mutating func insert<Made>(
        _ description: MetricDescription<Made>, cells: [Made], axes: [@Sendable () -> [String]], strides: [Int]
    ) {
        precondition(!entries.contains { $0.name == description.name }, "A metric's name is taken.")
        entries.append(
            Entry(
                name: description.name, help: description.help, type: description.type, scale: description.scale,
                cells: cells, axes: axes, strides: strides))
    }

    /// Appends all families to `octets`, in text exposition format 0.0.4.
    package func append(to octets: inout [UInt8]) {
        var page = ExpositionPage()
        for entry in entries {
            page.header(entry.name, help: entry.help, type: entry.type)
            write(entry, axis: 0, cell: 0, labels: "", to: &page)
        }
        octets.append(contentsOf: page.octets)
    }

    private func write(_ entry: Entry, axis: Int, cell: Int, labels: String, to page: inout ExpositionPage) {
        guard axis < entry.axes.count else {
            entry.cells[cell].write(entry.name, labels: labels, scale: entry.scale, to: &page)
            return
        }
        for (ordinal, label) in entry.axes[axis]().enumerated() {
            let joined = labels.isEmpty ? label : labels + "," + label
            write(entry, axis: axis + 1, cell: cell + ordinal * entry.strides[axis], labels: joined, to: &page)
        }
    }
}
