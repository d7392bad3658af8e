/// Whoever is counted: an account, a customer, or the gateway as a whole.
///
/// The number stands for a name ("account alice@isp.example") for ever, so that removing an account and adding
/// it again does not reset what it sent. The ledger hands the numbers out.
package struct SubjectID: Hashable, Comparable, Sendable {
    package let number: UInt32

    package init(number: UInt32) { self.number = number }

    /// The gateway itself, which every charge counts against.
    package static let gateway = SubjectID(number: 0)

    package static func < (left: SubjectID, right: SubjectID) -> Bool { left.number < right.number }
}

/// Whose limit it is.
package enum Scope: String, CaseIterable, Sendable {
    case account, customer, gateway
}
