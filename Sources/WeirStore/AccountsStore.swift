package import WeirBase

/// The accounts' file: logins, credentials, networks, overrides, states, and the audit of all changes.
///
/// Owned by one thread. Each change and its audit row are one commit: when the call returns it is on the disk, when it
/// throws nothing has changed. Logins are taken in any spelling.
package final class AccountsStore {
    static let fileName = "accounts.db"
    /// Pages in the write-ahead log that are worth a checkpoint.
    private static let walPages = 1_000

    let database: Database
    let statements: AccountStatements
    /// Lengths of networks that occur, longest first: one probe each finds an address.
    private var lengths: [AddressFamily: [Int]] = [:]

    /// Opens or creates `accounts.db`, and reads all of it once to see that it is sound, unless ``verify()`` is to do that.
    package init(in directory: StoreDirectory, verifies: Bool = true) throws(StoreError) {
        database = try Database(Self.fileName, in: directory, schema: .accounts)
        if verifies { try database.verify() }
        statements = try AccountStatements(database)
        for family in AddressFamily.allCases { lengths[family] = try readLengths(family) }
    }

    /// Reads the whole file and compares its structure with itself: half a second for a million accounts.
    package func verify() throws(StoreError) { try database.verify() }

    /// Closes the file, so that another may open it; every later call throws.
    package func close() { database.close() }

    /// All of `body` in one commit, then a checkpoint if one is due.
    func change<Result>(
        keeping: (Result) -> Bool = { _ in true }, _ body: () throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        let result = try database.transaction(body, keeping: keeping)
        try database.checkpoint(ifOver: Self.walPages)
        return result
    }

    /// Writes the audit row of a change; belongs into the change's own transaction.
    func audit(
        _ author: Author, _ action: String, _ target: String, old: String? = nil, new: String? = nil
    ) throws(StoreError) {
        try statements.insertAudit.run(
            .time(author.at), .text(author.name), .text(action), .text(target), .optional(old), .optional(new),
            .optional(author.reason))
    }
}

/// Finding an account.
extension AccountsStore {
    /// The account of a login in any spelling, nil where there is none.
    package func account(_ login: String) throws(StoreError) -> AccountRecord? {
        guard let key = CanonicalLogin(login)?.key, let row = try row(key) else { return nil }
        return try completed(row)
    }

    /// The account whose network has this address, by the longest prefix of those that are not longer than `lengthMax`.
    package func account(at address: IPAddress, lengthMax: Int = .max) throws(StoreError) -> AccountRecord? {
        for length in lengths[AddressFamily(of: address)] ?? [] where length <= lengthMax {
            let network = IPNetwork(containing: address, length: length)
            if let id = try owner(of: network), let row = try row(id: id) {
                return try completed(row)
            }
        }
        return nil
    }

    /// The accounts that match, in the order of their keys, from after the cursor on.
    package func list(
        _ filter: AccountFilter = AccountFilter(), after cursor: String? = nil, limit: Int = 100
    ) throws(StoreError) -> AccountPage {
        let limit = max(1, min(limit, 1_000))
        // No text sorts after this one: U+10FFFF is no character.
        let end = filter.prefix + "\u{10FFFF}"
        let common: [Value] = [
            .optional(filter.state?.rawValue), .optional(filter.plan), .optional(filter.customer),
            .text(cursor ?? ""), .text(filter.prefix), .text(end), .integer(Int64(limit + 1)),
        ]
        let statement =
            switch (filter.customer, filter.state, filter.plan) {
            case (.some, _, _): statements.listByCustomer
            case (nil, .some(let state), _) where state != .normal: statements.listByState
            case (nil, _, .some): statements.listByPlan
            case (nil, _, nil): statements.listAll
            }
        var rows: [AccountRow] = []
        try statement.each(common) { found throws(StoreError) in rows.append(try AccountRow(found, database.path)) }
        let next = rows.count > limit ? rows[limit - 1].record.key : nil
        var accounts: [AccountRecord] = []
        for row in rows.prefix(limit) { accounts.append(try completed(row)) }
        return AccountPage(accounts: accounts, next: next)
    }

    /// How many accounts each plan has in each state; one pass over all accounts.
    package func counts() throws(StoreError) -> [AccountCount] {
        var counts: [AccountCount] = []
        try statements.stateCounts.each { row throws(StoreError) in
            guard let state = AccountState(rawValue: row.text(1)) else { return }
            counts.append(AccountCount(plan: row.text(0), state: state, count: Int(row.integer(2))))
        }
        // Nearly all are normal: they are what is left of each plan, whose index says how many it has.
        try statements.planCounts.each { row throws(StoreError) in
            let plan = row.text(0)
            let others = counts.filter { $0.plan == plan }.map(\.count).reduce(0, +)
            let normal = Int(row.integer(1)) - others
            if normal > 0 { counts.append(AccountCount(plan: plan, state: .normal, count: normal)) }
        }
        return counts.sorted { ($0.plan, $0.state.rawValue) < ($1.plan, $1.state.rawValue) }
    }

    /// The latest changes, of one account or of all, from before a sequence back.
    package func audit(
        of login: String? = nil, before sequence: Int64 = .max, limit: Int = 100
    ) throws(StoreError) -> [AuditRow] {
        var rows: [AuditRow] = []
        let target = login.map { CanonicalLogin($0)?.key ?? $0 }
        let statement = target == nil ? statements.auditAll : statements.auditOne
        try statement.each(.integer(sequence), .integer(Int64(limit)), .optional(target)) { row throws(StoreError) in
            rows.append(AuditRow(row))
        }
        return rows
    }

    /// The number of the audit's last row, 0 while there is none: rows are numbered without gaps, and none is ever deleted.
    package func auditEnd() throws(StoreError) -> Int64 {
        try statements.auditEnd.first { row throws(StoreError) in row.integer(0) } ?? 0
    }

    /// The latest change of an account's state, or what a person has confirmed since, however much else has come after it.
    package func latestMove(of login: String, orConfirmation: Bool = false) throws(StoreError) -> AuditRow? {
        let key = CanonicalLogin(login)?.key ?? login
        return try statements.latestMove.first(
            .text(key), .text(orConfirmation ? "account.confirm" : "account.state")
        ) { row throws(StoreError) in AuditRow(row) }
    }
}

extension AuditRow {
    fileprivate init(_ row: Statement) {
        self.init(
            sequence: row.integer(0), at: row.time(1), actor: row.text(2), action: row.text(3), target: row.text(4),
            old: row.optionalText(5), new: row.optionalText(6), reason: row.optionalText(7))
    }
}

/// Rows as values.
extension AccountsStore {
    /// An account's row by its key.
    func row(_ key: String) throws(StoreError) -> AccountRow? {
        try statements.byKey.first(.text(key)) { row throws(StoreError) in try AccountRow(row, database.path) }
    }

    private func row(id: Int64) throws(StoreError) -> AccountRow? {
        try statements.byID.first(.integer(id)) { row throws(StoreError) in try AccountRow(row, database.path) }
    }

    /// The key and row of a login that must be there.
    func known(_ login: String) throws(StoreError) -> AccountRow {
        guard let key = CanonicalLogin(login)?.key, let row = try row(key) else {
            throw .refused(.noSuchAccount(login: login))
        }
        return row
    }

    /// The record with its networks, tokens and overrides.
    func completed(_ row: AccountRow) throws(StoreError) -> AccountRecord {
        var record = row.record
        record.networks = try networks(of: row.id)
        try statements.tokens.each(.integer(row.id)) { row throws(StoreError) in record.tokens.append(row.blob(0)) }
        try statements.overrides.each(.integer(row.id)) { row throws(StoreError) in
            record.overrides.append(
                AccountRecord.Override(
                    name: row.text(0), limit: row.text(1), until: row.isNull(2) ? nil : row.time(2),
                    reason: row.text(3)))
        }
        return record
    }

    func networks(of id: Int64) throws(StoreError) -> [IPNetwork] {
        var networks: [IPNetwork] = []
        try statements.networks.each(.integer(id)) { row throws(StoreError) in
            guard let address = IPAddress(octets: row.blob(2)),
                AddressFamily(of: address).rawValue == row.integer(0)
            else { throw .damaged(path: database.path, reason: "a network has no address") }
            networks.append(IPNetwork(containing: address, length: Int(row.integer(1))))
        }
        return networks
    }

    /// The account that a network belongs to.
    func owner(of network: IPNetwork) throws(StoreError) -> Int64? {
        let (family, length, octets) = network.columns
        return try statements.owner.first(family, length, octets) { row throws(StoreError) in row.integer(0) }
    }

    /// Adds a network, or says whose it is; false when the account has it already.
    func add(_ network: IPNetwork, to id: Int64) throws(StoreError) -> Bool {
        if let owner = try owner(of: network) {
            if owner == id { return false }
            throw .refused(.networkTaken(network: network, by: try row(id: owner)?.record.login ?? ""))
        }
        if network.length == 0 { throw .refused(.wholeInternet(network: network)) }
        let (family, length, octets) = network.columns
        try statements.insertNetwork.run(family, length, octets, .integer(id))
        // A length that is not used after all, because the commit failed, costs a probe.
        let known = lengths[AddressFamily(of: network.address)] ?? []
        if !known.contains(network.length) {
            lengths[AddressFamily(of: network.address)] = (known + [network.length]).sorted(by: >)
        }
        return true
    }

    private func readLengths(_ family: AddressFamily) throws(StoreError) -> [Int] {
        var lengths: [Int] = []
        var last: Int64 = -1
        while let next = try statements.nextLength.first(
            .integer(family.rawValue), .integer(last), read: { row throws(StoreError) in row.integer(0) })
        {
            lengths.append(Int(next))
            last = next
        }
        return lengths.reversed()
    }
}

/// What the networks' table calls the kinds of addresses.
private enum AddressFamily: Int64, CaseIterable {
    case v4 = 4
    case v6 = 6

    init(of address: IPAddress) { self = address.isIPv4 ? .v4 : .v6 }
}

extension IPNetwork {
    /// The columns that say which network it is, in the order of the statements.
    var columns: (family: Value, length: Value, octets: Value) {
        (.integer(AddressFamily(of: address).rawValue), .integer(Int64(length)), .blob(address.octets))
    }
}
