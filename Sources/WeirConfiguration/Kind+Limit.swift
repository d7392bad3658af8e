import WeirQuota

extension Kind<Limit> {
    /// One limit, as a person says it; what is wrong with one has its own column.
    static let limit = Kind(
        expected: "a limit such as \"1000 recipients per day\"",
        read: { scalar throws(Mismatch) in
            do throws(LimitError) {
                return try Limit(parsing: scalar.text)
            } catch {
                throw Mismatch(
                    message: "in the limit \(quoted(scalar.text)): \(error.reason)", hint: error.hint,
                    character: error.column)
            }
        }, write: \.description)
}
