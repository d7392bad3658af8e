import WeirBase
import WeirConfiguration
package import WeirRuntime

/// Finds the route of a request, asks whether the caller may, and turns faults into problem documents.
package struct Router: HTTPResponder {
    private let routes: [Route]
    private let gatekeeper: Gatekeeper
    private let hosts: Set<String>
    private let metrics: OperationMetrics
    private let labels: [RouteLabel]
    private let unmatched: RouteLabel

    /// `hosts` are the names that the TCP address may be called by, beside its IP addresses and `localhost`.
    package init(routes: [Route], gatekeeper: Gatekeeper, hosts: [String] = [], metrics: OperationMetrics) {
        self.routes = routes
        self.gatekeeper = gatekeeper
        self.hosts = Set(hosts.map { $0.lowercased() } + ["localhost"])
        self.metrics = metrics
        labels = routes.map { metrics.route(method: $0.method, path: $0.path) }
        unmatched = metrics.route(method: "other", path: "other")
    }

    package func answer(_ refusal: HTTPRefusal) -> HTTPResponse {
        let error =
            switch refusal {
            case .contentTooLarge: AdminError(.contentTooLarge, "The body is longer than this route takes.")
            case .malformedTarget: AdminError(.badRequest, "The request's target is not a valid path.")
            case .stopping: AdminError(.temporary, "The server is stopping.")
            }
        return .problem(error, instance: nil)
    }

    package func admit(_ head: HTTPHead) -> HTTPAdmission {
        let resolution = resolve(head)
        switch resolution.outcome {
        case .success(let match): return .read(bodyOctetsMax: routes[match.route].body.octetsMax)
        case .failure(let refusal):
            metrics.adminRequests[resolution.label, MetricLabels.StatusCode(refusal.error.kind.status)].add()
            let response = HTTPResponse.problem(
                refusal.error, instance: Router.path(head), fields: refusal.fields)
            return .refuse(response)
        }
    }

    package func respond(to request: HTTPRequest) async -> HTTPResponse {
        let resolution = resolve(request.head)
        let response: HTTPResponse
        do throws(AdminError) {
            switch resolution.outcome {
            case .failure(let refusal): throw refusal.error
            case .success(let match):
                response = try await routes[match.route].handler(
                    Route.Call(
                        parameters: match.parameters, target: request.head.target, body: request.body,
                        actor: match.actor))
            }
        } catch {
            response = .problem(error, instance: Router.path(request.head))
        }
        metrics.adminRequests[resolution.label, MetricLabels.StatusCode(response.status)].add()
        return response
    }

    private struct Match {
        var route: Int
        var parameters: [String: String]
        var actor: Actor
    }

    private struct Refusal: Error {
        var error: AdminError
        var fields: [HTTPResponse.Field] = []
    }

    private struct Resolution {
        var label: RouteLabel
        var outcome: Result<Match, Refusal>
    }

    private func resolve(_ head: HTTPHead) -> Resolution {
        let found = routes.indices.compactMap { index in
            routes[index].match(head.target.segments).map { (route: index, parameters: $0) }
        }
        let method = head.method == "HEAD" ? "GET" : head.method
        let match = found.first { routes[$0.route].method == method }
        // What is for everyone has nothing to hide, and monitors call by names of their own.
        let isForEveryone = match.map { routes[$0.route].access == .everyone } ?? false
        guard isForEveryone || isExpected(head) else {
            let error = AdminError(.misdirected, "This server is not called \(head.host ?? "that").")
            return Resolution(label: unmatched, outcome: .failure(Refusal(error: error)))
        }
        guard let match else {
            return Resolution(label: unmatched, outcome: .failure(missing(head, found.map { routes[$0.route] })))
        }
        let outcome = admit(head, to: routes[match.route]).map { actor in
            Match(route: match.route, parameters: match.parameters, actor: actor)
        }
        return Resolution(label: labels[match.route], outcome: outcome)
    }

    private func missing(_ head: HTTPHead, _ others: [Route]) -> Refusal {
        guard !others.isEmpty else {
            return Refusal(error: AdminError(.notFound, "There is nothing at \(Router.path(head))."))
        }
        let methods = others.map(\.method).joined(separator: ", ")
        return Refusal(
            error: AdminError(.methodNotAllowed, "\(Router.path(head)) takes \(methods), not \(head.method)."),
            fields: [HTTPResponse.Field(name: "Allow", value: methods)])
    }

    private func admit(_ head: HTTPHead, to route: Route) -> Result<Actor, Refusal> {
        var actor = Actor(name: "anyone")
        if case .holders(let permission) = route.access {
            guard let caller = gatekeeper.caller(head) else {
                return .failure(
                    Refusal(
                        error: AdminError(.unauthenticated, "A bearer token is required here."),
                        fields: [HTTPResponse.Field(name: "WWW-Authenticate", value: "Bearer realm=\"weir\"")]))
            }
            guard caller.may(permission) else {
                let detail = "\(caller.actor.name) lacks the permission \"\(permission.rawValue)\"."
                return .failure(Refusal(error: AdminError(.notPermitted, detail)))
            }
            actor = caller.actor
        }
        let expected = route.body.mediaTypes
        if !expected.isEmpty, !expected.contains(Router.mediaType(head.contentType) ?? "") {
            let detail = "The body must be \(expected.joined(separator: " or ")) and say so."
            return .failure(Refusal(error: AdminError(.unsupportedMediaType, detail)))
        }
        return .success(actor)
    }

    /// A page of another site that had its name resolve to this address must not be served.
    private func isExpected(_ head: HTTPHead) -> Bool {
        guard case .network = head.peer, let host = head.host else { return true }
        if host.hasPrefix("[") { return true }
        let name = host.split(separator: ":", omittingEmptySubsequences: false).first.map { $0.lowercased() } ?? ""
        return hosts.contains(name) || IPAddress(name) != nil
    }

    private static func mediaType(_ field: String?) -> String? {
        field?.split(separator: ";").first.map { $0.filter { $0 != " " }.lowercased() }
    }

    private static func path(_ head: HTTPHead) -> String {
        "/" + head.target.segments.map(HTTPTarget.encoded).joined(separator: "/")
    }
}
