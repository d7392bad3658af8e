import WeirQuota

/// Machines whose stop has a record in the store, or is about to: so that the store is asked once and not for each refusal.
struct RecordedStops {
    struct Stop: Hashable {
        let subject: SubjectID
        /// Hash of its EHLO name.
        let name: UInt64
    }

    private var stops: Set<Stop> = []

    /// More are forgotten, and asked for again.
    private static let max = 10_000

    /// Whether it was not there.
    mutating func insert(_ stop: Stop) -> Bool {
        if stops.count >= Self.max { stops = [] }
        return stops.insert(stop).inserted
    }

    mutating func remove(_ stop: Stop) { stops.remove(stop) }
}
