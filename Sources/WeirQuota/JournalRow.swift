package import WeirBase

/// Five minutes of the gateway's clock, numbered from 1970: what a charge is filed under.
package struct Slot: Hashable, Comparable, Sendable {
    package let number: UInt32

    package init(number: UInt32) { self.number = number }

    package init(_ instant: Instant) { number = UInt32(truncatingIfNeeded: instant.nanoseconds / Slot.span) }

    /// The length of every slot, in nanoseconds.
    package static let span: UInt64 = 5 * .minute

    /// The slot's first instant; that of a number beyond the clock's range is ``Instant/distantFuture``.
    package var start: Instant {
        let (nanoseconds, overflow) = UInt64(number).multipliedReportingOverflow(by: Slot.span)
        return overflow ? .distantFuture : Instant(nanoseconds: nanoseconds)
    }

    package static func < (left: Slot, right: Slot) -> Bool { left.number < right.number }
}

/// One change of the counts, as the ledger's journal keeps it; the counts are the sum of all rows.
///
/// A refund carries negative amounts. A message whose dot falls in a later slot than its charge is two rows: one that
/// takes the charge out of the old slot, one that puts it into the new.
package struct JournalRow: Hashable, Sendable {
    package enum Kind: Int64, Sendable {
        case charge = 0
        case growth, move, refund, refusal, reset
    }

    /// Given by the ledger's writer, in order of arrival; 0 before.
    package var sequence: UInt64
    package var kind: Kind
    package var at: Instant
    package var slot: Slot
    package var account: SubjectID
    package var customer: SubjectID?
    package var amount: Amount
    /// The message's id, 0 where no message is meant.
    package var message: UInt64

    package init(
        sequence: UInt64 = 0, kind: Kind, at: Instant, slot: Slot, account: SubjectID, customer: SubjectID?,
        amount: Amount, message: UInt64
    ) {
        self.sequence = sequence
        self.kind = kind
        self.at = at
        self.slot = slot
        self.account = account
        self.customer = customer
        self.amount = amount
        self.message = message
    }
}
