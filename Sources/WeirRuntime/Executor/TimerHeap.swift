import WeirBase

/// The deadlines of one executor's waiters, soonest first.
///
/// A waiter stands here at most once, at or before its deadline, so that a wait which is answered in time costs no
/// heap operation: the entry is looked at when it falls due and moved on. Entries of waiters that have retired are swept out
/// when they are the greater part.
struct TimerHeap {
    private struct Entry {
        var at: Instant
        var order: UInt64
        var waiter: Waiter

        func precedes(_ other: Entry) -> Bool { at != other.at ? at < other.at : order < other.order }
    }

    private var entries: [Entry] = []
    private var retired = 0
    private var order: UInt64 = 0

    /// When the soonest entry falls due; nil if there is none.
    var next: Instant? { entries.first?.at }

    mutating func insert(_ waiter: Waiter, at instant: Instant) {
        order += 1
        entries.append(Entry(at: instant, order: order, waiter: waiter))
        siftUp(entries.count - 1)
    }

    /// Removes and returns the soonest waiter whose entry is not after `now`.
    mutating func popDue(_ now: Instant) -> Waiter? {
        guard let first = entries.first, first.at <= now else { return nil }
        let last = entries.removeLast()
        if !entries.isEmpty {
            entries[0] = last
            siftDown(0)
        }
        if first.waiter.isRetired { retired -= 1 }
        return first.waiter
    }

    /// Notes that a waiter with an entry here will not wait again.
    mutating func noteRetired() {
        retired += 1
        guard retired > 1024, retired > entries.count / 2 else { return }
        entries.removeAll { $0.waiter.isRetired }
        retired = 0
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
