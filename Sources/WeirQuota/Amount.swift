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

    package static func + (left: Amount, right: Amount) -> Amount {
        Amount(
            messages: left.messages + right.messages, recipients: left.recipients + right.recipients,
            refusals: left.refusals + right.refusals, octets: left.octets + right.octets)
    }

    package static prefix func - (amount: Amount) -> Amount {
        Amount(
            messages: -amount.messages, recipients: -amount.recipients, refusals: -amount.refusals,
            octets: -amount.octets)
    }

    package static func - (left: Amount, right: Amount) -> Amount { left + -right }
    package static func += (left: inout Amount, right: Amount) { left = left + right }
    package static func -= (left: inout Amount, right: Amount) { left = left - right }
}
