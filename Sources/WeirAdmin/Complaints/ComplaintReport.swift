/// What became of a report of abuse.
package struct ComplaintReport: Codable, Hashable, Sendable {
    /// The login that it led to.
    package var account: String
    /// False where it was reported before, or may be made up.
    package var counted: Bool
    /// `arf` or `xarf`.
    package var format: String
    package var type: String
    package var reporter: String
    /// Our id of the message, where it is known to be the account's.
    package var message: String?
    /// Why it does not count, or why no other such one will.
    package var note: String?

    package init(
        account: String, counted: Bool, format: String, type: String, reporter: String, message: String? = nil,
        note: String? = nil
    ) {
        (self.account, self.counted, self.format) = (account, counted, format)
        (self.type, self.reporter, self.message, self.note) = (type, reporter, message, note)
    }
}
