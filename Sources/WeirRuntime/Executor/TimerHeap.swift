import WeirBase

/// The deadlines of one executor's waiters, soonest first.
///
/// A waiter has one entry that counts, at or before its deadline, so that a wait which is answered in time costs no
/// heap operation: the entry is looked at when it falls due and moved on. Entries that an earlier one has replaced, or whose
/// waiters have retired, are stale; they are swept out when they are the greater part.
package struct TimerHeap {
    private struct Entry {
        var at: Instant
        var order: UInt64
        var waiter: Waiter

        var isStale: Bool { waiter.entry?.order != order }

        func precedes(_ other: Entry) -> Bool { at != other.at ? at < other.at : order < other.order }
    }

    private var entries: [Entry] = []
    private var staleCount = 0
    private var order: UInt64 = 0

    /// When the soonest entry falls due; nil if there is none.
    var next: Instant? { entries.first?.at }

    /// How many entries there are, the stale ones included.
    package var count: Int { entries.count }

    /// Returns the number of the entry, by which its waiter tells it from those that it has replaced.
    mutating func insert(_ waiter: Waiter, at instant: Instant) -> UInt64 {
        order += 1
        entries.append(Entry(at: instant, order: order, waiter: waiter))
        siftUp(entries.count - 1)
        return order
    }

    /// Removes and returns the soonest waiter whose entry is not after `now`.
    mutating func popDue(_ now: Instant) -> Waiter? {
        while let first = entries.first, first.at <= now {
            let last = entries.removeLast()
            if !entries.isEmpty {
                entries[0] = last
                siftDown(0)
            }
            if !first.isStale { return first.waiter }
            staleCount -= 1
        }
        return nil
    }

    /// Notes that an entry here counts no more: its waiter has another, or will not wait again.
    mutating func noteStale() {
        staleCount += 1
        guard staleCount > 1024, staleCount > entries.count / 2 else { return }
        entries.removeAll(where: \.isStale)
        staleCount = 0
        for index in stride(from: entries.count / 2 - 1, through: 0, by: -1) { siftDown(index) }
    }

    private mutating func siftUp(_ start: Int) {
        var index = start
        while index > 0 {
            let parent = (index - 1) / 2
            guard entries[index].precedes(entries[parent]) else { return }
            entries.swapAt(index, parent)
            index = parent
        }
    }

    private mutating func siftDown(_ start: Int) {
        var index = start
        while true {
            var least = index
            for child in (2 * index + 1)...(2 * index + 2)
            where child < entries.count && entries[child].precedes(entries[least]) { least = child }
            guard least != index else { return }
            entries.swapAt(index, least)
            index = least
        }
    }
}
