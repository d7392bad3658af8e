import WeirBase
import WeirQuota
import WeirStore

/// What the store says, read while no daemon has it.
enum StoredCounts {
    /// All that was ever counted for an account, what is in flight included.
    static func amount(of login: String, in path: String) throws -> Amount {
        let store = try LedgerStore(in: StoreDirectory(path))
        let subject = try store.subject(.account, login)
        let future = Slot(Instant(nanoseconds: .max / 2))
        var sum = Amount.zero
        _ = try store.load(since: Slot(Instant(nanoseconds: 0)), now: future) { _, found, amount in
            if found == subject { sum = sum + amount }
        }
        return sum
    }

    /// The number of the last observation there is, whether it is in what was saved or only in the journal.
    static func observed(in path: String) throws -> UInt64 {
        let store = try LedgerStore(in: StoreDirectory(path))
        let saved = try store.savedSurroundings().observed
        return try store.observations(after: saved).last?.sequence ?? saved
    }
}
