/// Administration by asking the daemon: every operation is one request to its API.
///
/// The daemon takes the actor from the socket's peer credentials, so the actor given here is not sent.
package struct RemoteAdministration: Administration {
    private let client: UnixHTTPClient

    package init(_ client: UnixHTTPClient) { self.client = client }

    package func status() async throws(AdminError) -> Status { try get("/v1/status") }

    package func readiness() async throws(AdminError) -> Readiness {
        let answer = try client.send("GET", "/readyz")
        guard answer.status != 200 else { return Readiness() }
        return Readiness(reasons: String(decoding: answer.body, as: UTF8.self).split(separator: "\n").map(String.init))
    }

    package func accounts(_ query: AccountQuery) async throws(AdminError) -> AccountList {
        var parameters = ["limit=\(query.limit)"]
        if let state = query.state { parameters.append("state=\(state.rawValue)") }
        if let plan = query.plan { parameters.append("plan=\(HTTPTarget.encoded(plan))") }
        if let percent = query.overPercent { parameters.append("over=\(percent)") }
        if let cursor = query.cursor { parameters.append("cursor=\(HTTPTarget.encoded(cursor))") }
        return try get("/v1/accounts?" + parameters.joined(separator: "&"))
    }

    package func account(_ login: String) async throws(AdminError) -> Account { try get(path(login)) }

    package func usage(_ login: String) async throws(AdminError) -> Usage { try get(path(login, "usage")) }

    package func why(_ login: String) async throws(AdminError) -> AccountReasons { try get(path(login, "why")) }

    package func history(_ login: String, limit: Int, cursor: String?) async throws(AdminError) -> AccountHistory {
        let next = cursor.map { "&cursor=\(HTTPTarget.encoded($0))" } ?? ""
        return try get(path(login, "history") + "?limit=\(limit)" + next)
    }

    package func message(_ id: String) async throws(AdminError) -> MessageReport {
        try get("/v1/messages/\(HTTPTarget.encoded(id))")
    }

    package func calibration(plan: String?) async throws(AdminError) -> CalibrationReport {
        try get("/v1/detector/calibration" + (plan.map { "?plan=\(HTTPTarget.encoded($0))" } ?? ""))
    }

    package func add(
        _ login: String, _ definition: AccountDefinition, by actor: Actor
    ) async throws(AdminError) -> Account {
        try send("POST", path(login), DefinitionBody(definition))
    }

    package func put(
        _ login: String, _ definition: AccountDefinition, by actor: Actor
    ) async throws(AdminError) -> Account {
        try send("PUT", path(login), DefinitionBody(definition))
    }

    package func change(
        _ login: String, _ change: AccountChange, by actor: Actor
    ) async throws(AdminError) -> Account {
        try send("PATCH", path(login), ChangeBody(change: change))
    }

    package func remove(_ login: String, by actor: Actor) async throws(AdminError) {
        try check(try client.send("DELETE", path(login)))
    }

    package func suspend(_ login: String, why: String, by actor: Actor) async throws(AdminError) -> Account {
        try send("POST", path(login, "suspend"), ReasonBody(why: why))
    }

    package func release(_ login: String, why: String, by actor: Actor) async throws(AdminError) -> Account {
        try send("POST", path(login, "release"), ReasonBody(why: why))
    }

    package func reset(_ login: String, why: String, by actor: Actor) async throws(AdminError) -> Account {
        try send("POST", path(login, "reset"), ReasonBody(why: why))
    }

    package func limit(
        _ login: String, name: String?, _ override: LimitOverride, by actor: Actor
    ) async throws(AdminError) -> Account {
        let body = OverrideBody(text: override.text, until: override.until?.text, why: override.why)
        guard let name else { return try send("POST", path(login, "limits"), body) }
        return try send("PUT", path(login, "limits") + "/" + HTTPTarget.encoded(name), body)
    }

    package func unlimit(_ login: String, name: String, by actor: Actor) async throws(AdminError) -> Account {
        let answer = try client.send("DELETE", path(login, "limits") + "/" + HTTPTarget.encoded(name))
        return try decode(answer)
    }

    package func issueToken(_ login: String, by actor: Actor) async throws(AdminError) -> IssuedToken {
        try decode(try client.send("POST", path(login, "token")))
    }

    package func importAccounts(
        _ file: AccountFile, dryRun: Bool, by actor: Actor
    ) async throws(AdminError) -> ImportReport {
        let target = dryRun ? "/v1/import?dry_run=true" : "/v1/import"
        return try decode(try client.send("POST", target, contentType: "text/csv", body: file.octets))
    }

    package func complain(_ report: [UInt8], by actor: Actor) async throws(AdminError) -> ComplaintReport {
        try decode(try client.send("POST", "/v1/complaints", contentType: "message/rfc822", body: report))
    }

    package func reload(by actor: Actor) async throws(AdminError) -> ReloadReport {
        try decode(try client.send("POST", "/v1/reload"))
    }

    private func path(_ login: String, _ operation: String? = nil) -> String {
        let path = "/v1/accounts/\(HTTPTarget.encoded(login))"
        return operation.map { "\(path)/\($0)" } ?? path
    }

    private func get<Answer: Decodable>(_ target: String) throws(AdminError) -> Answer {
        try decode(try client.send("GET", target))
    }

    private func send<Answer: Decodable>(
        _ method: String, _ target: String, _ body: some Encodable
    ) throws(AdminError) -> Answer {
        let octets = try AdminJSON.encode(body)
        return try decode(try client.send(method, target, contentType: "application/json", body: octets))
    }

    private func decode<Answer: Decodable>(_ answer: HTTPResponse) throws(AdminError) -> Answer {
        try check(answer)
        return try AdminJSON.decode(Answer.self, answer.body)
    }

    private func check(_ answer: HTTPResponse) throws(AdminError) {
        guard !(200...299).contains(answer.status) else { return }
        guard answer.contentType == "application/problem+json" else {
            let kind: AdminError.Kind = answer.status == 503 ? .temporary : .fault
            throw AdminError(kind, "The daemon answered \(answer.status).")
        }
        throw try AdminJSON.decode(Problem.self, answer.body).error
    }
}

private struct ReasonBody: Encodable {
    var why: String
}

private struct OverrideBody: Encodable {
    var text: String
    var until: String?
    var why: String
}

private struct DefinitionBody: Encodable {
    var plan: String
    var customer: String?
    var password: String?
    var networks: [String]
    var mail: String?

    init(_ definition: AccountDefinition) {
        plan = definition.plan
        customer = definition.customer
        password = definition.password
        networks = definition.networks
        mail = definition.mail
    }
}

/// A key for each field that changes, null for one that is cleared.
private struct ChangeBody: Encodable {
    var change: AccountChange

    private enum CodingKeys: String, CodingKey {
        case plan, customer, password, mail, addNetworks, removeNetworks
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(change.plan, forKey: .plan)
        for (key, field) in [
            (CodingKeys.customer, change.customer), (.password, change.password), (.mail, change.mail),
        ] {
            switch field {
            case .keep: break
            case .clear: try container.encodeNil(forKey: key)
            case .set(let text): try container.encode(text, forKey: key)
            }
        }
        if !change.addNetworks.isEmpty { try container.encode(change.addNetworks, forKey: .addNetworks) }
        if !change.removeNetworks.isEmpty { try container.encode(change.removeNetworks, forKey: .removeNetworks) }
    }
}
