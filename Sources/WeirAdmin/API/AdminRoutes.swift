import WeirConfiguration
package import WeirRuntime

/// Every route of the admin server.
package struct AdminRoutes: Sendable {
    private let administration: any Administration
    private let metrics: GatewayMetrics

    package init(_ administration: any Administration, metrics: GatewayMetrics) {
        self.administration = administration
        self.metrics = metrics
    }

    package var all: [Route] { health + gateway + accounts + reasons + measures + limits }

    private var health: [Route] {
        [
            Route("GET", "/", .everyone) { [administration] _ throws(AdminError) in
                StatusPage.response(try await administration.status())
            },
            Route("GET", "/healthz", .everyone) { _ throws(AdminError) in .text("ok") },
            Route("GET", "/readyz", .everyone) { [administration] _ throws(AdminError) in
                let readiness = try await administration.readiness()
                guard !readiness.ready else { return .text("ready") }
                return .text(readiness.reasons.joined(separator: "\n"), status: 503)
            },
            Route("GET", "/metrics", .everyone) { [metrics] _ throws(AdminError) in
                var page: [UInt8] = []
                metrics.registry.append(to: &page)
                return HTTPResponse(status: 200, contentType: ExpositionPage.contentType, body: page)
            },
        ]
    }

    private var gateway: [Route] {
        [
            Route("GET", "/v1/status", .holders(of: .read)) { [administration] _ throws(AdminError) in
                try .json(await administration.status())
            },
            Route("POST", "/v1/reload", .holders(of: .admin)) { [administration] call throws(AdminError) in
                try .json(await administration.reload(by: call.actor))
            },
            Route("POST", "/v1/import", .holders(of: .admin), body: .csv) { [administration] call throws(AdminError) in
                try call.target.allow(only: ["dry_run"])
                let dryRun = try call.target.flag("dry_run")
                let file = try AccountFile(call.body)
                return try .json(await administration.importAccounts(file, dryRun: dryRun, by: call.actor))
            },
            Route("POST", "/v1/complaints", .holders(of: .suspend), body: .complaint) {
                [administration] call throws(AdminError) in
                try .json(await administration.complain(call.body, by: call.actor))
            },
        ]
    }

    private var accounts: [Route] {
        [
            Route("GET", "/v1/accounts", .holders(of: .read)) { [administration] call throws(AdminError) in
                try .json(await administration.accounts(AccountQuery(call.target)))
            },
            Route("GET", "/v1/accounts/{login}", .holders(of: .read)) { [administration] call throws(AdminError) in
                try .json(await administration.account(call.login))
            },
            Route("POST", "/v1/accounts/{login}", .holders(of: .adjust), body: .json) {
                [administration] call throws(AdminError) in
                let definition = try AccountDefinition(json: call.body)
                return try .json(await administration.add(call.newLogin, definition, by: call.actor), status: 201)
            },
            Route("PUT", "/v1/accounts/{login}", .holders(of: .adjust), body: .json) {
                [administration] call throws(AdminError) in
                let definition = try AccountDefinition(json: call.body)
                return try .json(await administration.put(call.newLogin, definition, by: call.actor))
            },
            Route("PATCH", "/v1/accounts/{login}", .holders(of: .adjust), body: .json) {
                [administration] call throws(AdminError) in
                let change = try AccountChange(json: call.body)
                return try .json(await administration.change(call.login, change, by: call.actor))
            },
            Route("DELETE", "/v1/accounts/{login}", .holders(of: .admin)) { [administration] call throws(AdminError) in
                try await administration.remove(call.login, by: call.actor)
                return HTTPResponse(status: 204)
            },
            Route("GET", "/v1/accounts/{login}/usage", .holders(of: .read)) {
                [administration] call throws(AdminError) in
                try .json(await administration.usage(call.login))
            },
            Route("POST", "/v1/accounts/{login}/token", .holders(of: .adjust)) {
                [administration] call throws(AdminError) in
                try .json(await administration.issueToken(call.login, by: call.actor), status: 201)
            },
        ]
    }

    /// Why an account, a message or a threshold is as it is.
    private var reasons: [Route] {
        [
            Route("GET", "/v1/accounts/{login}/why", .holders(of: .read)) { [administration] call throws(AdminError) in
                try .json(await administration.why(call.login))
            },
            Route("GET", "/v1/accounts/{login}/history", .holders(of: .read)) {
                [administration] call throws(AdminError) in
                let page = try AccountQuery(call.target, knowing: ["limit", "cursor"])
                return try .json(
                    await administration.history(call.login, limit: page.limit, cursor: page.cursor))
            },
            Route("GET", "/v1/messages/{id}", .holders(of: .read)) { [administration] call throws(AdminError) in
                try .json(await administration.message(call.parameters["id"] ?? ""))
            },
            Route("GET", "/v1/detector/calibration", .holders(of: .read)) {
                [administration] call throws(AdminError) in
                try .json(await administration.calibration(plan: call.target.filled("plan")))
            },
        ]
    }

    /// What is done about an account, each with a reason.
    private var measures: [Route] {
        [
            measure("suspend", .suspend) { [administration] login, why, actor throws(AdminError) in
                try await administration.suspend(login, why: why, by: actor)
            },
            measure("release", .suspend) { [administration] login, why, actor throws(AdminError) in
                try await administration.release(login, why: why, by: actor)
            },
            measure("reset", .adjust) { [administration] login, why, actor throws(AdminError) in
                try await administration.reset(login, why: why, by: actor)
            },
        ]
    }

    private func measure(
        _ name: String, _ permission: Permission,
        _ take: @escaping @Sendable (String, String, Actor) async throws(AdminError) -> Account
    ) -> Route {
        Route("POST", "/v1/accounts/{login}/\(name)", .holders(of: permission), body: .json) {
            call throws(AdminError) in
            var reader = try FieldReader(call.body)
            let why = reader.required("why")
            try reader.finish()
            return try .json(await take(call.login, why, call.actor))
        }
    }

    private var limits: [Route] {
        [
            Route("POST", "/v1/accounts/{login}/limits", .holders(of: .adjust), body: .json) {
                [administration] call throws(AdminError) in
                let override = try LimitOverride(json: call.body)
                return try .json(await administration.limit(call.login, name: nil, override, by: call.actor))
            },
            Route("PUT", "/v1/accounts/{login}/limits/{limit}", .holders(of: .adjust), body: .json) {
                [administration] call throws(AdminError) in
                let override = try LimitOverride(json: call.body)
                let name = call.parameters["limit"]
                return try .json(await administration.limit(call.login, name: name, override, by: call.actor))
            },
            Route("DELETE", "/v1/accounts/{login}/limits/{limit}", .holders(of: .adjust)) {
                [administration] call throws(AdminError) in
                let name = call.parameters["limit"] ?? ""
                return try .json(await administration.unlimit(call.login, name: name, by: call.actor))
            },
        ]
    }
}

extension Route.Call {
    /// The `{login}` of the path, fit to be an account's.
    fileprivate var newLogin: String {
        get throws(AdminError) {
            guard AccountSyntax.isName(login) else {
                throw AdminError(.invalid, "A login has 1 to 254 octets, no space and no control character.")
            }
            return login
        }
    }
}

extension AccountQuery {
    /// Reads a list's query; what is wrong in it is named.
    init(
        _ target: HTTPTarget, knowing known: [String] = ["state", "plan", "over", "limit", "cursor"]
    ) throws(AdminError) {
        try target.allow(only: known)
        self.init(plan: target.filled("plan"), cursor: target.filled("cursor"))
        if let text = target.filled("state") {
            guard let state = AccountState(rawValue: text) else {
                let states = AccountState.allCases.map(\.rawValue).joined(separator: ", ")
                throw AdminError(.badRequest, "state is one of \(states), not \"\(text)\".")
            }
            self.state = state
        }
        if let text = target.filled("limit") {
            guard let limit = Int(text), (1...AccountQuery.pageMax).contains(limit) else {
                throw AdminError(.badRequest, "limit is a number from 1 to \(AccountQuery.pageMax).")
            }
            self.limit = limit
        }
        if let text = target.filled("over") {
            guard let percent = Int(text), (0...100_000).contains(percent) else {
                throw AdminError(.badRequest, "over is a percentage, such as 80.")
            }
            overPercent = percent
        }
    }
}

extension HTTPTarget {
    /// What is given for a parameter; an empty value is as if it was left out.
    fileprivate func filled(_ name: String) -> String? { self[name].flatMap { $0.isEmpty ? nil : $0 } }

    /// Refuses parameters that the route does not know, or that are given twice.
    fileprivate func allow(only known: [String]) throws(AdminError) {
        var seen: Set<String> = []
        for name in query.map(\.name) {
            guard known.contains(name) else {
                throw AdminError(
                    .badRequest, "Unknown parameter \"\(name)\"; known are \(known.joined(separator: ", ")).")
            }
            guard seen.insert(name).inserted else {
                throw AdminError(.badRequest, "The parameter \"\(name)\" is given twice.")
            }
        }
    }

    /// `true` or `false`, which is what a parameter says that is left out.
    fileprivate func flag(_ name: String) throws(AdminError) -> Bool {
        switch self[name] {
        case "true": true
        case "false", nil: false
        case .some(let text): throw AdminError(.badRequest, "\(name) is true or false, not \"\(text)\".")
        }
    }
}
