import Dispatch
import Foundation
import TestKit
import WeirAdmin
import WeirConfiguration
import WeirRuntime

/// A thread of its own for answers: the tests block the shared pool's threads while they wait for curl.
final class OwnThread: TaskExecutor {
    private let queue = DispatchQueue(label: "answers")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

/// A real server on a Unix socket and on a free TCP port, before accounts in memory.
final class AdminServer: Sendable {
    let administration = FakeAdministration()
    let folder: TemporaryFolder
    let socket: String
    let unix: HTTPServer
    let tcp: HTTPServer

    private init() throws {
        folder = try TemporaryFolder()
        socket = folder.path + "/admin.sock"
        let metrics = GatewayMetrics(listeners: ["submission"], relays: ["smarthost-a"])
        let tokens = [("all", Permission.admin), ("desk", .suspend), ("billing", .adjust), ("eye", .read)].map {
            AdminToken(name: $0, digest: SHA256.digest(Array("\($0)-secret".utf8)), permissions: [$1])
        }
        let router = Router(
            routes: AdminRoutes(administration, metrics: metrics).all,
            gatekeeper: Gatekeeper(tokens: tokens), hosts: ["gate1.isp.example"],
            metrics: metrics.operation)
        let executor = OwnThread()
        unix = try HTTPServer(on: .unixSocket(path: socket), executor: executor, responder: router)
        tcp = try HTTPServer(on: .tcp(address: "127.0.0.1", port: 0), executor: executor, responder: router)
    }

    /// Runs `body` against a server of its own.
    static func run(_ body: (AdminServer) async throws -> Void) async throws {
        let server = try AdminServer()
        do { try await body(server) } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }

    private func stop() async {
        administration.open()
        await unix.stop()
        await tcp.stop()
    }

    var remote: RemoteAdministration { RemoteAdministration(UnixHTTPClient(path: socket)) }

    /// Asks for the status from a thread of its own, so that no thread of the shared pool waits for the answer.
    func statusAside() async -> Int {
        let path = socket
        return await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                let answer = try? UnixHTTPClient(path: path).send("GET", "/v1/status")
                continuation.resume(returning: answer?.status ?? 0)
            }
        }
    }

    struct Answer {
        var status: Int
        var fields: String
        var body: String
        func json() throws -> [String: Any] {
            try JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any] ?? [:]
        }
    }

    /// Asks over TCP, or over the Unix socket, with curl.
    func curl(_ path: String, tcp overTCP: Bool = false, _ arguments: String...) throws -> Answer {
        let base = overTCP ? "http://127.0.0.1:\(tcp.port ?? 0)" : "http://localhost"
        let socketArguments = overTCP ? [] : ["--unix-socket", socket]
        let output = folder.path + "/answer"
        let result = try Program.run(
            "/usr/bin/curl",
            ["-s", "--path-as-is", "-D", "-", "-o", output, "-w", "\n%{http_code}"] + socketArguments + arguments
                + [base + path])
        let status = result.output.split(separator: "\n").last.flatMap { Int($0) } ?? 0
        let body = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
        try? FileManager.default.removeItem(atPath: output)
        return Answer(status: status, fields: result.output, body: body)
    }
}
