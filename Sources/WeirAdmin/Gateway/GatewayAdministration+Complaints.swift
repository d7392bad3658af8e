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
        // Our field stands before all that the client's message had: what is behind it anybody could write.
        let hop = complaint.hops.first { $0.host == hostname }
        guard let (key, message) = try await origin(of: complaint, hop?.id, gateway) else {
            metrics.complaints[.untraced].add()
            throw AdminError(
                .noSuchAccount,
                "Nothing in the report leads to an account: no X-Weir-Account of this gateway, no id "
                    + "of a message that it remembers, or the two of different accounts.")
        }
        let id = message.map { MessageID(number: $0.number) }
        let stored = StoredComplaint(
            digest: digest(of: complaint, key, id), account: key, reporter: complaint.reporter, message: message,
            summary: "\(complaint.type) by \(complaint.reporter), message \(id?.description ?? "not known")")
        let fate = try await change(key, by: actor) { store, author throws(StoreError) in
            try store.keep(stored, by: author)
        }
        metrics.complaints[MetricLabels.ComplaintResult(fate)].add()
        if fate == .counted {
            try await mapped { () throws(StoreError) in
                try await gateway.complain(of: key, message: id ?? MessageID(number: 0))
            }
        }
        return ComplaintReport(
            account: try await record(key).login, counted: fate == .counted, format: complaint.format.rawValue,
            type: complaint.type, reporter: complaint.reporter, message: id?.description,
            note: ComplaintReport.note(fate, message))
    }

    /// One reader's complaint of one message; all of one reader's are one where the message is not known.
    private func digest(of complaint: Complaint, _ key: String, _ id: MessageID?) -> [UInt8] {
        let reader = "\(complaint.reporter)\n\(complaint.reader ?? "")"
        return SHA256.digest(Array("\(reader)\n\(id?.description ?? key)".utf8))
    }

    /// The key of the account that the report leads to, and the message where that is known to be the account's; nil where it leads to
    /// none, or to two.
    private func origin(
        of complaint: Complaint, _ id: MessageID?, _ gateway: Gateway
    ) async throws(AdminError) -> (key: String, message: StoredComplaint.Message?)? {
        var found = try await keys(named: Set(complaint.accounts), gateway)
        var known: StoredComplaint.Message?
        if let id, let (key, message) = try await sent(id) {
            found.insert(key)
            known = message
        }
        guard found.count == 1, let key = found.first else { return nil }
        let isKnown = try await mapped { () throws(StoreError) in
            try await accounts.withStore { store throws(StoreError) in try store.account(key) != nil }
        }
        return isKnown ? (key, known) : nil
    }

    /// Compares with every account, for the hash cannot be undone: some seconds for a million, on a thread of its own.
    private func keys(named names: Set<String>, _ gateway: Gateway) async throws(AdminError) -> Set<String> {
        var found: Set<String> = []
        var cursor = ""
        while found.count < names.count {
            let after = cursor
            let keys = try await mapped { () throws(StoreError) in
                try await accounts.withStore { store throws(StoreError) in
                    try store.keys(after: after, limit: Self.keysAtOnce)
                }
            }
            guard let last = keys.last else { break }
            found.formUnion(await hasher.spawn { gateway.accounts(among: keys, named: names) }.value)
            cursor = last
        }
        return found
    }

    /// The key of the account that sent a message, and to how many, as long as its story is kept.
    private func sent(_ id: MessageID) async throws(AdminError) -> (key: String, message: StoredComplaint.Message)? {
        let (story, rows, key) = try await traces(of: id)
        guard let key else { return nil }
        let recipients = story?.accepted ?? Int(clamping: rows.map(\.amount.recipients).reduce(0, +))
        // What no relay took can have arrived all the same.
        return (key, StoredComplaint.Message(number: id.number, recipients: max(1, recipients)))
    }
}

extension MetricLabels.ComplaintResult {
    fileprivate init(_ fate: StoredComplaint.Fate) {
        switch fate {
        case .counted: self = .counted
        case .repeated: self = .repeated
        case .surplus: self = .surplus
        case .unproven: self = .unproven
        }
    }
}

extension ComplaintReport {
    fileprivate static func note(_ fate: StoredComplaint.Fate, _ message: StoredComplaint.Message?) -> String? {
        switch fate {
        case .counted: message == nil ? "its message is not known: of such one counts" : nil
        case .repeated: "known already"
        case .surplus: "not counted: as many have complained of its message as it had recipients"
        case .unproven: "not counted: its message is not known, and of such one counts"
        }
    }
}
