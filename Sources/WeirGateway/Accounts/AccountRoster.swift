import Synchronization

/// The accounts in memory, found by key.
struct AccountRoster: ~Copyable {
    private var members: [Account] = []
    private var positions: [String: UInt32] = [:]
    /// Where ``forgetIdle(rounds:)`` goes on.
    private var hand = 0
    /// What ``forgetIdle(rounds:)`` has still to go, in parts of an account as many as there are rounds.
    private var due = 0

    var count: Int { members.count }

    /// Looking an account up is using it.
    subscript(key: String) -> Account? {
        guard let position = positions[key] else { return nil }
        let account = members[Int(position)]
        account.wasUsed.store(true, ordering: .relaxed)
        return account
    }

    mutating func add(_ account: Account) {
        positions[account.key] = UInt32(truncatingIfNeeded: members.count)
        members.append(account)
    }

    mutating func remove(_ key: String) {
        if let position = positions[key] { remove(at: Int(position)) }
    }

    /// The last account takes the place of the one removed.
    private mutating func remove(at position: Int) {
        positions[members[position].key] = nil
        let last = members.removeLast()
        guard position < members.count else { return }
        members[position] = last
        positions[last.key] = UInt32(truncatingIfNeeded: position)
    }

    func members(from start: Int, atMost count: Int) -> [Account] {
        start < members.count ? Array(members[start..<min(start + count, members.count)]) : []
    }

    /// Looks at one of `rounds` parts of all, of few accounts at one now and then, and forgets whom nobody holds and nobody has looked up since the last look.
    mutating func forgetIdle(rounds: Int) {
        due += members.count
        while due >= rounds, !members.isEmpty {
            due -= rounds
            if hand >= members.count { hand = 0 }
            let wasUsed = members[hand].wasUsed.exchange(false, ordering: .relaxed)
            if wasUsed || !isForgettable(hand) { hand += 1 } else { remove(at: hand) }
        }
    }

    /// Forgets whom nobody holds, and returns the keys of the others, ascending.
    mutating func forgetUnused() -> [String] {
        var position = 0
        while position < members.count {
            if isForgettable(position) { remove(at: position) } else { position += 1 }
        }
        return members.map(\.key).sorted()
    }

    /// Whether nobody would miss it: no session holds it, and no metric counts it.
    private mutating func isForgettable(_ position: Int) -> Bool {
        isKnownUniquelyReferenced(&members[position]) && !members[position].isNearLimit.load(ordering: .relaxed)
    }
}
