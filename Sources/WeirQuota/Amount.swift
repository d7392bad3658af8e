/// What is counted, together: how much one message, one refusal or one slot adds up to.
package struct Amount: Hashable, Sendable {
    package var messages: Int64
    package var recipients: Int64
    package var refusals: Int64
    package var octets: Int64

    package init(messages: Int64 = 0, recipients: Int64 = 0, refusals: Int64 = 0, octets: Int64 = 0) {
        self.messages = messages
        self.recipients = recipients
        self.refusals = refusals
        self.octets = octets
    }

    package static let zero = Amount()

    /// Sums saturate at the ends of `Int64`, as every operation here does.
    package static func + (left: Amount, right: Amount) -> Amount {
        Amount(
            messages: left.messages.adding(right.messages), recipients: left.recipients.adding(right.recipients),
            refusals: left.refusals.adding(right.refusals), octets: left.octets.adding(right.octets))
    }

    package static prefix func - (amount: Amount) -> Amount {
        Amount(
            messages: amount.messages.negated, recipients: amount.recipients.negated,
            refusals: amount.refusals.negated, octets: amount.octets.negated)
    }

    package static func - (left: Amount, right: Amount) -> Amount { left + -right }
    package static func += (left: inout Amount, right: Amount) { left = left + right }
    package static func -= (left: inout Amount, right: Amount) { left = left - right }

    /// The part that `quantity` counts; connections are no part of an amount.
    package subscript(quantity: Limit.Quantity) -> Int64 {
        switch quantity {
        case .messages: messages
        case .recipients: recipients
        case .refusals: refusals
        case .octets: octets
        case .connections: 0
        }
    }

    /// The most that one step may count of anything, so that no sum of steps overflows: 32 TiB.
    static let stepMax: Int64 = 1 << 45
    static let step = Amount(messages: stepMax, recipients: stepMax, refusals: stepMax, octets: stepMax)

    /// Each part brought within 0 and that of `ceiling`.
    func clamped(to ceiling: Amount) -> Amount {
        Amount(
            messages: min(max(messages, 0), ceiling.messages), recipients: min(max(recipients, 0), ceiling.recipients),
            refusals: min(max(refusals, 0), ceiling.refusals), octets: min(max(octets, 0), ceiling.octets))
    }
}

extension Int64 {
    /// The sum, or the end of the range it lies beyond.
    func adding(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }

    fileprivate var negated: Int64 { self == .min ? .max : -self }
}
