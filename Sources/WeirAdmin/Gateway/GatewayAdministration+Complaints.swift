import WeirBase
import WeirConfiguration
import WeirGateway
import WeirQuota
import WeirRuntime
import WeirStore

/// Complaints: from a report to the account, and into its evidence.
extension GatewayAdministration {
    /// Accounts that are compared at one time.
    private static let keysAtOnce = 5_000

    package func complain(_ report: [UInt8], by actor: Actor) async throws(AdminError) -> ComplaintReport {
        guard let daemon else {
            throw AdminError(.unreachable, "No daemon runs, and it alone can trace and weigh a complaint.")
        }
        let metrics = daemon.server.telemetry.metrics.operation
        let complaint: Complaint
        do throws(AdminError) {
            complaint = try Complaint(report)
        } catch {
            metrics.complaints[.malformed].add()
            throw error
        }
        let gateway = daemon.server.gateway
        let hostname = gateway.generation.configuration.hostname
        let messages = complaint.hops.filter { $0.host == hostname }.map(\.id)
        guard let key = try await account(of: complaint, messages, gateway) else {
            metrics.complaints[.untraced].add()
            throw AdminError(
                .noSuchAccount,
                "Nothing in the report leads to an account: no X-Weir-Account of this gateway, no id "
                    + "of a message that it remembers, or the two of different accounts.")
        }
        let stored = StoredComplaint(
            digest: digest(of: complaint, messages), account: key, reporter: complaint.reporter,
            summary: "\(complaint.type) by \(complaint.reporter)" + (messages.first.map { ", message \($0)" } ?? ""))
        let isNew = try await change(key, by: actor) { store, author throws(StoreError) in
            try store.keep(stored, by: author)
        }
        metrics.complaints[isNew ? .counted : .repeated].add()
        if isNew {
            let message = messages.first ?? MessageID(number: 0)
            try await mapped { () throws(StoreError) in try await gateway.complain(of: key, message: message) }
        }
        return ComplaintReport(
            account: try await record(key).login, counted: isNew, format: complaint.format.rawValue,
            type: complaint.type, reporter: complaint.reporter, message: messages.first?.description)
    }

    /// One reader's complaint of one message, by the best name of the message that the report has.
    private func digest(of complaint: Complaint, _ messages: [MessageID]) -> [UInt8] {
        let message = messages.first?.description ?? complaint.messageID ?? complaint.reportID ?? "unknown"
        return SHA256.digest(Array("\(complaint.reporter)\n\(message)".utf8))
    }

    /// The key of the account that the report leads to; nil where it leads to none, or to two.
    private func account(
        of complaint: Complaint, _ messages: [MessageID], _ gateway: Gateway
    ) async throws(AdminError) -> String? {
        var found: Set<String> = []
        for digits in Set(complaint.accounts) {
            guard let key = try await account(named: digits, gateway) else { continue }
            found.insert(key)
        }
        for message in Set(messages) {
            guard let key = try await traces(of: message).account else { continue }
            found.insert(key)
        }
        guard found.count == 1, let key = found.first else { return nil }
        let isKnown = try await mapped { () throws(StoreError) in
            try await accounts.withStore { store throws(StoreError) in try store.account(key) != nil }
        }
        return isKnown ? key : nil
    }

    /// Compares with every account, for the hash cannot be undone: a second for a million, on a thread of its own.
    private func account(named digits: String, _ gateway: Gateway) async throws(AdminError) -> String? {
        var cursor = ""
        while true {
            let after = cursor
            let keys = try await mapped { () throws(StoreError) in
                try await accounts.withStore { store throws(StoreError) in
                    try store.keys(after: after, limit: Self.keysAtOnce)
                }
            }
            guard let last = keys.last else { return nil }
            let found = await hasher.spawn { gateway.account(among: keys, named: digits) }.value
            if let found { return found }
            cursor = last
        }
    }
}
