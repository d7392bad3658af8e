import Synchronization

/// Something a family of metrics has one of for each combination of labels.
package protocol Instrument: AnyObject, Sendable {
    /// Writes this instrument's lines of the text exposition.
    func write(_ name: String, labels: String, scale: UInt64, to page: inout ExpositionPage)
}

/// A number that only grows.
package final class Counter: Instrument {
    private let value = Atomic<UInt64>(0)

    package init() {}

    /// One relaxed atomic addition: free of locks, cheap enough for every recipient.
    package func add(_ amount: UInt64 = 1) { value.wrappingAdd(amount, ordering: .relaxed) }

    package var current: UInt64 { value.load(ordering: .relaxed) }

    package func write(_ name: String, labels: String, scale: UInt64, to page: inout ExpositionPage) {
        page.line(name, labels: labels, magnitude: current, scale: scale)
    }
}

/// A number that goes up and down, stored here or asked for at each scrape.
package final class Gauge: Instrument {
    private let value = Atomic<Int64>(0)
    private let source = Mutex<(@Sendable () -> Int64)?>(nil)

    package init() {}

    package func set(_ amount: Int64) { value.store(amount, ordering: .relaxed) }
    package func add(_ amount: Int64) { value.wrappingAdd(amount, ordering: .relaxed) }

    /// From now on asks `read` at each scrape, on the scraping thread; so `read` must be quick and never wait.
    package func sample(_ read: @escaping @Sendable () -> Int64) { source.withLock { $0 = read } }

    package var current: Int64 {
        let read = source.withLock { $0 }
        return read?() ?? value.load(ordering: .relaxed)
    }

    package func write(_ name: String, labels: String, scale: UInt64, to page: inout ExpositionPage) {
        let current = current
        page.line(name, labels: labels, negative: current < 0, magnitude: current.magnitude, scale: scale)
    }
}

/// How many observations fell below each of a fixed list of bounds, and their sum.
package final class Histogram: Instrument {
    /// At most so many bounds; the bucket beyond them has no bound.
    package static let boundsMax = 15

    private let bounds: [UInt64]
    private let buckets = InlineArray<16, Atomic<UInt64>> { _ in Atomic(0) }
    private let sum = Atomic<UInt64>(0)

    /// Bounds are ascending, in the unit that is observed; those past ``boundsMax`` are not used.
    package init(bounds: [UInt64]) { self.bounds = Array(bounds.prefix(Histogram.boundsMax)) }

    /// Two relaxed atomic additions; times in nanoseconds, sizes in octets.
    package func observe(_ amount: UInt64) {
        var bucket = 0
        while bucket < bounds.count, amount > bounds[bucket] { bucket += 1 }
        buckets[bucket].wrappingAdd(1, ordering: .relaxed)
        sum.wrappingAdd(amount, ordering: .relaxed)
    }

    package var count: UInt64 { buckets.indices.reduce(0) { $0 &+ buckets[$1].load(ordering: .relaxed) } }

    package func write(_ name: String, labels: String, scale: UInt64, to page: inout ExpositionPage) {
        let separator = labels.isEmpty ? "" : ","
        var below: UInt64 = 0
        for (bucket, bound) in bounds.enumerated() {
            below &+= buckets[bucket].load(ordering: .relaxed)
            let le = ExpositionPage.decimal(bound, scale: scale)
            page.line("\(name)_bucket", labels: "\(labels)\(separator)le=\"\(le)\"", magnitude: below, scale: 1)
        }
        below &+= buckets[bounds.count].load(ordering: .relaxed)
        page.line("\(name)_bucket", labels: "\(labels)\(separator)le=\"+Inf\"", magnitude: below, scale: 1)
        page.line("\(name)_sum", labels: labels, magnitude: sum.load(ordering: .relaxed), scale: scale)
        page.line("\(name)_count", labels: labels, magnitude: below, scale: 1)
    }
}

/// A constant 1 whose labels are the message: a version, a digest.
package final class Info: Instrument {
    private let names: [String]
    private let text: Mutex<String>

    package init(_ names: [String]) {
        self.names = names
        text = Mutex(ExpositionPage.labels(names, Array(repeating: "", count: names.count)))
    }

    /// Replaces the label values, in the order of the names.
    package func set(_ values: [String]) {
        let labels = ExpositionPage.labels(names, values)
        text.withLock { $0 = labels }
    }

    package func write(_ name: String, labels: String, scale: UInt64, to page: inout ExpositionPage) {
        page.line(name, labels: text.withLock { $0 }, magnitude: 1, scale: 1)
    }
}
