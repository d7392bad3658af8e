/// What became of a report of abuse.
package struct ComplaintReport: Codable, Hashable, Sendable {
    /// The login that it led to.
    package var account: String
    /// False where the same reader has reported the same message before: it counts once.
    package var counted: Bool
    /// `arf` or `xarf`.
    package var format: String
    package var type: String
    package var reporter: String
    /// Our id of the message, where the report has it.
    package var message: String?

    package init(
        account: String, counted: Bool, format: String, type: String, reporter: String, message: String? = nil
    ) {
        (self.account, self.counted, self.format) = (account, counted, format)
        (self.type, self.reporter, self.message) = (type, reporter, message)
    }
}
