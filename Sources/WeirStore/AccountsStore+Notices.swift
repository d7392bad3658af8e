package import WeirBase

/// Somebody who is still to be told of a change of an account's state, over one channel.
package struct StoredNotice: Hashable, Sendable {
    /// Of the event; the same over every channel.
    package var event: String
    /// Kept to the second.
    package var at: WallTime
    /// The account's key.
    package var account: String
    package var kind: String
    package var author: String
    package var reason: String?
    package var channel: String
    /// The EHLO name of the machine that is meant; nil: the account itself is.
    package var machine: String?

    package init(
        event: String, at: WallTime, account: String, kind: String, author: String, reason: String?, channel: String,
        machine: String? = nil
    ) {
        (self.event, self.at, self.account, self.kind) = (event, at, account, kind)
        (self.author, self.reason, self.channel, self.machine) = (author, reason, channel, machine)
    }
}

/// Who is still to be told of what; a notice is kept until it was delivered, or is given up.
extension AccountsStore {
    /// Notices that are kept at most; what comes when there are so many is not kept over a restart.
    package static let noticesMax = 10_000

    /// Keeps notices; belongs into the transaction of the change that they tell of.
    func keep(_ notices: [StoredNotice]) throws(StoreError) {
        for notice in notices {
            try statements.insertNotice.run(
                .text(notice.event), .text(notice.channel), .time(notice.at), .text(notice.account), .text(notice.kind),
                .text(notice.author), .optional(notice.reason), .optional(notice.machine),
                .integer(Int64(Self.noticesMax)))
        }
    }

    /// All that are kept, the oldest first.
    package func notices() throws(StoreError) -> [StoredNotice] {
        var notices: [StoredNotice] = []
        try statements.notices.each { row throws(StoreError) in
            notices.append(
                StoredNotice(
                    event: row.text(0), at: row.time(2), account: row.text(3), kind: row.text(4), author: row.text(5),
                    reason: row.optionalText(6), channel: row.text(1), machine: row.optionalText(7)))
        }
        return notices
    }

    /// Forgets a notice that was delivered or given up.
    package func forget(event: String, channel: String) throws(StoreError) {
        try change { () throws(StoreError) in try statements.dropNotice.run(.text(event), .text(channel)) }
    }
}
