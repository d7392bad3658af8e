import WeirBase

/// What is kept of one complaint about an account.
package struct StoredComplaint: Hashable, Sendable {
    /// Of whose report it is and what it is about, 32 octets: equal ones are one complaint.
    package var digest: [UInt8]
    /// The account's key.
    package var account: String
    package var reporter: String
    /// What it is about; nil: no message that is known to be the account's.
    package var message: Message?
    /// One line for the audit.
    package var summary: String

    /// A message of the account.
    package struct Message: Hashable, Sendable {
        package var number: UInt64
        /// More complaints of it than this are not counted.
        package var recipients: Int

        package init(number: UInt64, recipients: Int) { (self.number, self.recipients) = (number, recipients) }
    }

    package init(digest: [UInt8], account: String, reporter: String, message: Message?, summary: String) {
        (self.digest, self.account, self.reporter) = (digest, account, reporter)
        (self.message, self.summary) = (message, summary)
    }

    /// What became of it.
    package enum Fate: Hashable, Sendable {
        case counted
        /// It is kept already, or one by the same reporter which may be the same.
        case repeated
        /// As many have complained of the message as it had recipients.
        case surplus
        /// Nobody knows the message, and one such complaint is kept.
        case unproven
    }
}

/// Complaints, so that none counts twice, and none that anybody could make up counts more than once.
extension AccountsStore {
    /// How long a complaint is remembered.
    package static let complaintAgeMax = 400 * UInt64.day

    /// Keeps a complaint that counts, with its audit row.
    package func keep(_ complaint: StoredComplaint, by author: Author) throws(StoreError) -> StoredComplaint.Fate {
        try change { () throws(StoreError) in
            let key = try known(complaint.account).record.key
            let oldest = author.at.nanoseconds - min(author.at.nanoseconds, Self.complaintAgeMax)
            try statements.dropComplaints.run(.text(key), .time(WallTime(nanoseconds: oldest)))
            if let fate = try fate(of: complaint, against: key) { return fate }
            try statements.insertComplaint.run(
                .blob(complaint.digest), .time(author.at), .text(key), .text(complaint.reporter),
                complaint.message.map { .unsigned($0.number) } ?? .null)
            try audit(author, "account.complaint", key, new: complaint.summary)
            return .counted
        }
    }

    /// Why it does not count; nil: it does.
    private func fate(of complaint: StoredComplaint, against key: String) throws(StoreError) -> StoredComplaint.Fate? {
        let kept = try statements.compareComplaint.first(
            .text(key), .blob(complaint.digest), .text(complaint.reporter),
            complaint.message.map { .unsigned($0.number) } ?? .null
        ) { row throws(StoreError) in
            (same: row.integer(0), byReporter: row.integer(1), ofMessage: row.integer(2))
        }
        guard let kept else { return nil }
        if kept.same > 0 { return .repeated }
        guard let message = complaint.message else {
            if kept.byReporter > 0 { return .repeated }
            return kept.ofMessage > 0 ? .unproven : nil
        }
        if kept.ofMessage >= message.recipients { return .surplus }
        // What the reporter complained of when the message was not known may be this: from now on it is.
        let named = try statements.nameComplaint.first(
            .blob(complaint.digest), .text(key), .text(complaint.reporter), .unsigned(message.number)
        ) { _ throws(StoreError) in true }
        return named == true ? .repeated : nil
    }

    /// Complaints about an account that are remembered.
    package func complaintCount(_ login: String) throws(StoreError) -> Int {
        let key = CanonicalLogin(login)?.key ?? login
        let count = try statements.countComplaints.first(.text(key)) { row throws(StoreError) in row.integer(0) }
        return Int(count ?? 0)
    }

    /// Keys of accounts in their order, from after `cursor` on.
    package func keys(after cursor: String, limit: Int) throws(StoreError) -> [String] {
        var keys: [String] = []
        try statements.keys.each(.text(cursor), .integer(Int64(limit))) { row throws(StoreError) in
            keys.append(row.text(0))
        }
        return keys
    }
}
