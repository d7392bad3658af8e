package import WeirQuota

/// What is known of accounts' conduct: one row an account.
extension LedgerStore {
    /// As it was saved; nil: nothing is known.
    package func evidence(of subject: SubjectID) throws(StoreError) -> [UInt8]? {
        try queries.evidence.first(.unsigned(subject.number)) { statement throws(StoreError) in statement.blob(0) }
    }

    /// Saves all in one commit, or none.
    package func saveEvidence(_ rows: [(subject: SubjectID, octets: [UInt8])]) throws(StoreError) {
        try database.transaction { () throws(StoreError) in
            for row in rows { try queries.saveEvidence.run(.unsigned(row.subject.number), .blob(row.octets)) }
        }
    }
}
