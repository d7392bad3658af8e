package import WeirBase

/// What the detector decided of an account, and from what.
package struct VerdictRecord: Hashable, Sendable {
    /// Its number in the store; 0 before it is there.
    package var sequence: Int64 = 0
    /// The last row of the audit before it: places it among the changes.
    package var auditSequence: Int64 = 0
    /// The account's key.
    package var account: String
    /// The EHLO name of the machine behind it that is meant; nil: the account itself is.
    package var machine: String?
    package var at: WallTime
    /// The plan's mode then: in `shadow` nothing was done.
    package var mode: String
    package var old: AccountState
    package var new: AccountState
    /// Whether its last message was not yet released.
    package var isBefore: Bool
    /// In nats, by name: families, `prior` and `total`; `flag`, `suspend` and `family`.
    package var score: [String: Double]
    package var thresholds: [String: Double]
    /// All that was counted, by name.
    package var findings: [String: Double]
    package var sentences: [String]
    /// Families without any one of which nothing had been decided.
    package var acquittals: [String]
    /// Those that gave reason, at most ten, the last one last.
    package var messages: [UInt64]

    package init(
        account: String, machine: String? = nil, at: WallTime, mode: String, old: AccountState, new: AccountState,
        isBefore: Bool,
        score: [String: Double], thresholds: [String: Double], findings: [String: Double], sentences: [String],
        acquittals: [String], messages: [UInt64]
    ) {
        self.account = account
        self.machine = machine
        self.at = at
        self.mode = mode
        self.old = old
        self.new = new
        self.isBefore = isBefore
        self.score = score
        self.thresholds = thresholds
        self.findings = findings
        self.sentences = sentences
        self.acquittals = acquittals
        self.messages = messages
    }
}

extension AccountsStore {
    /// How long a verdict is kept, as is the trace of its account when that is removed.
    package static let verdictsKept: UInt64 = 400 * .day
    /// More verdicts than this are not kept, however young: some 300 MB.
    package static let verdictsMax: Int64 = 200_000

    /// Keeps a verdict, and with the same commit moves its account to `state`; nil: the account stays. Who is to be told is kept with
    /// it; false where nobody is, for nothing is new to them.
    @discardableResult
    package func keep(
        _ verdict: VerdictRecord, moving state: AccountState?, by author: Author, telling notices: [StoredNotice] = []
    ) throws(StoreError) -> Bool {
        try change { () throws(StoreError) in
            try statements.insertVerdict.run(
                .text(verdict.account), .time(verdict.at), .text(verdict.mode), .text(verdict.old.rawValue),
                .text(verdict.new.rawValue), .integer(verdict.isBefore ? 1 : 0), .text(Self.text(verdict.score)),
                .text(Self.text(verdict.thresholds)), .text(Self.text(verdict.findings)),
                .text(verdict.sentences.joined(separator: "\n")), .text(verdict.acquittals.joined(separator: " ")),
                .text(verdict.messages.map { String($0) }.joined(separator: " ")), .optional(verdict.machine))
            // An account that was removed meanwhile has its verdict, and no state.
            guard let row = try row(verdict.account) else { return false }
            guard let state else {
                try keep(notices)
                return !notices.isEmpty
            }
            return try move(row, to: state, by: author, telling: notices)
        }
    }

    /// The latest verdicts on an account, from before a sequence back; also on one that was removed.
    package func verdicts(
        of login: String, before sequence: Int64 = .max, limit: Int = 100
    ) throws(StoreError) -> [VerdictRecord] {
        var verdicts: [VerdictRecord] = []
        let key = CanonicalLogin(login)?.key ?? login
        try statements.verdicts.each(.text(key), .integer(sequence), .integer(Int64(limit))) { row throws(StoreError) in
            verdicts.append(Self.verdict(row))
        }
        return verdicts
    }

    /// The latest verdict on the account itself, however many on machines have come after it, or on these too.
    package func latestVerdict(on login: String, orMachines: Bool = false) throws(StoreError) -> VerdictRecord? {
        let key = CanonicalLogin(login)?.key ?? login
        return try statements.latestVerdict.first(.text(key), .integer(orMachines ? 1 : 0)) { row throws(StoreError) in
            Self.verdict(row)
        }
    }

    /// Beyond it a time is no time: nanoseconds since 1970 would not fit into 63 bits.
    private static let secondsMax = Int64.max / Int64(UInt64.second)

    /// What a row says; what of it cannot be read is left out, and told by the last sentence.
    private static func verdict(_ row: Statement) -> VerdictRecord {
        var damaged: [String] = []
        func read<Value>(_ column: Int32, _ name: String, else fallback: Value, _ read: (String) -> Value?) -> Value {
            if let value = read(row.text(column)) { return value }
            damaged.append(name)
            return fallback
        }
        var at = row.time(2)
        if !(0...secondsMax).contains(row.integer(2)) {
            damaged.append("time")
            at = WallTime(nanoseconds: 0)
        }
        var verdict = VerdictRecord(
            account: row.text(1), machine: row.optionalText(14), at: at, mode: row.text(3),
            old: read(4, "old", else: .normal, AccountState.init(rawValue:)),
            new: read(5, "new", else: .normal, AccountState.init(rawValue:)),
            isBefore: row.integer(6) != 0, score: read(7, "score", else: [:], numbers),
            thresholds: read(8, "thresholds", else: [:], numbers), findings: read(9, "findings", else: [:], numbers),
            sentences: row.text(10).split(separator: "\n").map(String.init),
            acquittals: row.text(11).split(separator: " ").map(String.init),
            messages: read(12, "messages", else: []) { text in
                let words = text.split(separator: " ")
                let ids = words.compactMap { UInt64($0) }
                return ids.count == words.count ? ids : nil
            })
        verdict.sequence = row.integer(0)
        verdict.auditSequence = row.integer(13)
        if !damaged.isEmpty {
            verdict.sentences.append(
                "row \(verdict.sequence) of verdict in accounts.db is damaged: \(damaged.joined(separator: ", "))")
        }
        return verdict
    }

    /// The EHLO names of machines behind an account that were stopped, and not released since, ascending.
    package func stoppedMachines(of login: String) throws(StoreError) -> [String] {
        var names: [String] = []
        let key = CanonicalLogin(login)?.key ?? login
        try statements.stoppedMachines.each(.text(key), .text(Self.machinesReleased)) { row throws(StoreError) in
            names.append(row.text(0))
        }
        return names
    }

    /// What the audit says when all machines behind an account may send again.
    package static let machinesReleased = "account.release.machines"

    /// Deletes a slice of the verdicts that are too old, or too many; true when there may be more.
    package func expireVerdicts(
        now: WallTime, keeping limit: Int64 = verdictsMax, budget: Int = 1_000
    ) throws(StoreError) -> Bool {
        let kept = now.nanoseconds > Self.verdictsKept ? now.nanoseconds - Self.verdictsKept : 0
        return try change { () throws(StoreError) in
            var dropped = 0
            try statements.expireVerdicts.each(
                .time(WallTime(nanoseconds: kept)), .integer(limit), .integer(Int64(budget))
            ) { _ throws(StoreError) in dropped += 1 }
            return dropped == budget
        }
    }

    /// The keys of accounts that an administrator suspended since then, or whose suspension one confirmed.
    package func abused(since time: WallTime, notBy actor: String) throws(StoreError) -> [String] {
        var keys: [String] = []
        try statements.abused.each(.time(time), .text(actor)) { row throws(StoreError) in keys.append(row.text(0)) }
        return keys
    }

    private static func text(_ numbers: [String: Double]) -> String {
        numbers.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
    }

    /// Nil where a pair has no name or no finite number.
    private static func numbers(_ text: String) -> [String: Double]? {
        var numbers: [String: Double] = [:]
        for pair in text.split(separator: " ") {
            let parts = pair.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, let number = Double(parts[1]), number.isFinite else { return nil }
            numbers[String(parts[0])] = number
        }
        return numbers
    }
}
