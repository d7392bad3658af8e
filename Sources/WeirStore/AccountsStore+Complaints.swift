import WeirBase

/// What is kept of one complaint about an account.
package struct StoredComplaint: Hashable, Sendable {
    /// Of whose report it is and what it is about, 32 octets: equal ones are one complaint.
    package var digest: [UInt8]
    /// The account's key.
    package var account: String
    package var reporter: String
    /// One line for the audit.
    package var summary: String

    package init(digest: [UInt8], account: String, reporter: String, summary: String) {
        (self.digest, self.account, self.reporter, self.summary) = (digest, account, reporter, summary)
    }
}

/// Complaints, so that none counts twice.
extension AccountsStore {
    /// How long a complaint is remembered.
    package static let complaintAgeMax = 400 * UInt64.day

    /// Keeps a complaint with its audit row; false where it is kept already.
    package func keep(_ complaint: StoredComplaint, by author: Author) throws(StoreError) -> Bool {
        try change { () throws(StoreError) in
            let key = try known(complaint.account).record.key
            let oldest = author.at.nanoseconds - min(author.at.nanoseconds, Self.complaintAgeMax)
            try statements.dropComplaints.run(.text(key), .time(WallTime(nanoseconds: oldest)))
            let isNew = try statements.insertComplaint.first(
                .blob(complaint.digest), .time(author.at), .text(key), .text(complaint.reporter)
            ) { _ throws(StoreError) in true }
            guard isNew == true else { return false }
            try audit(author, "account.complaint", key, new: complaint.summary)
            return true
        }
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
