import Foundation
import TestKit
import Testing
import WeirAdmin

@Suite("The HTTP server")
struct HTTPServerTests {
    /// Answers with the length of the body it got.
    private struct Counting: HTTPResponder {
        var max: Int
        func answer(_ refusal: HTTPRefusal) -> HTTPResponse { .text("too large", status: 413) }
        func admit(_ head: HTTPHead) -> HTTPAdmission { .read(bodyOctetsMax: max) }
        func respond(to request: HTTPRequest) async -> HTTPResponse { .text("\(request.body.count)") }
    }

    @Test("a body is taken up to its limit, and not an octet more", arguments: [true, false])
    func bodies(chunked: Bool) async throws {
        let folder = try TemporaryFolder()
        let socket = folder.path + "/s"
        let server = try HTTPServer(
            on: .unixSocket(path: socket), executor: OwnThread(), responder: Counting(max: 300_000))
        for (count, status, answer) in [(0, 200, "0"), (300_000, 200, "300000"), (300_001, 413, "too large")] {
            let file = folder.path + "/body"
            try Data(repeating: 65, count: count).write(to: URL(fileURLWithPath: file))
            let encoding = chunked ? ["-H", "Transfer-Encoding: chunked"] : []
            let result = try Program.run(
                "/usr/bin/curl",
                ["-s", "--unix-socket", socket, "-w", "%{http_code}", "-X", "POST", "--data-binary", "@\(file)"]
                    + encoding + ["http://localhost/"])
            #expect(result.output == "\(answer)\n\(status)", "\(count) octets")
        }
        await server.stop()
    }

    @Test("an answer in the making holds up nobody, and is waited for at the end")
    func suspension() async throws {
        try await AdminServer.run { server in
            server.administration.close()
            async let slow = server.statusAside()
            await server.administration.arrival()
            let meanwhile = try server.curl("/healthz")
            #expect(meanwhile.status == 200)
            server.administration.open()
            let status = await slow
            #expect(status == 200)
        }
    }

    @Test("a server that stops sends the answer that is in the making")
    func stopping() async throws {
        try await AdminServer.run { server in
            server.administration.close()
            async let slow = server.statusAside()
            await server.administration.arrival()
            async let stopped: Void = server.unix.stop()
            server.administration.open()
            let status = await slow
            await stopped
            #expect(status == 200)
            let error = await #expect(throws: AdminError.self) { try await server.remote.status() }
            #expect(error?.kind == .unreachable)
        }
    }

    @Test("clients that talk nonsense or leave in the middle do no harm")
    func nonsense() async throws {
        try await AdminServer.run { server in
            let script = """
                import socket, sys
                for text in sys.argv[2:]:
                    s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
                    s.sendall(text.encode("latin-1").decode("unicode_escape").encode("latin-1")); s.close()
                """
            let texts = [
                "\\x00\\xff", "GET", "GET / HTTP/1.1\\r\\n", "GET /v1/status HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n",
                "POST /v1/import HTTP/1.1\\r\\nHost: a\\r\\nContent-Type: text/csv\\r\\nContent-Length: 99\\r\\n\\r\\nlo",
                "POST /v1/import HTTP/1.1\\r\\nContent-Length: -1\\r\\n\\r\\n",
                "GET /v1/status HTTP/1.1\\r\\nHost: a\\r\\n\\r\\nGET /v1/status HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n",
                "\\r\\n\\r\\n\\r\\n",
                "PUT /v1/accounts/%ff HTTP/1.1\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\nzz\\r\\n",
            ]
            for _ in 0..<5 {
                let result = try Program.run("/usr/bin/python3", ["-c", script, server.socket] + texts)
                #expect(result.status == 0, "\(result.errors)")
            }
            #expect(try await server.remote.status().version == "0.1")
        }
    }

    @Test("a socket that nobody answers on is replaced, a living one is an error")
    func staleSocket() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/s"
        let first = try HTTPServer(on: .unixSocket(path: path), executor: OwnThread(), responder: Counting(max: 0))
        let error = #expect(throws: HTTPServerError.self) {
            try HTTPServer(on: .unixSocket(path: path), executor: OwnThread(), responder: Counting(max: 0))
        }
        #expect(error?.description == "another weir answers on \(path)")
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o660)
        await first.stop()
        #expect(!FileManager.default.fileExists(atPath: path))

        let script = "import socket,sys; s=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1])"
        #expect(try Program.run("/usr/bin/python3", ["-c", script, path]).status == 0)
        let second = try HTTPServer(on: .unixSocket(path: path), executor: OwnThread(), responder: Counting(max: 0))
        #expect(try UnixHTTPClient(path: path).send("GET", "/").status == 200)
        await second.stop()
    }

    @Test("what is no socket is never replaced")
    func notASocket() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/s"
        #expect(FileManager.default.createFile(atPath: path, contents: Data("precious".utf8)))
        #expect(throws: HTTPServerError.self) {
            try HTTPServer(on: .unixSocket(path: path), executor: OwnThread(), responder: Counting(max: 0))
        }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "precious")
    }

    @Test("a port in use is an error that names it")
    func portInUse() async throws {
        let first = try HTTPServer(
            on: .tcp(address: "127.0.0.1", port: 0), executor: OwnThread(), responder: Counting(max: 0))
        let port = try #require(first.port)
        let error = #expect(throws: HTTPServerError.self) {
            try HTTPServer(
                on: .tcp(address: "127.0.0.1", port: port), executor: OwnThread(), responder: Counting(max: 0))
        }
        let told = "admin.address: cannot listen on 127.0.0.1:\(port): Address already in use: another program "
        #expect(error?.description.hasPrefix(told) == true, "\(error?.description ?? "")")
        await first.stop()
    }

    @Test("many clients at once are all answered")
    func crowd() async throws {
        try await AdminServer.run { server in
            let socket = server.socket
            let bodies = await withTaskGroup(of: Int.self) { group in
                for _ in 0..<200 {
                    group.addTask { (try? UnixHTTPClient(path: socket).send("GET", "/v1/status").status) ?? 0 }
                }
                return await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
            }
            #expect(bodies == [200: 200])
        }
    }

    @Test(
        "targets are taken apart before they are decoded",
        arguments: [
            ("/", []), ("/a/b", ["a", "b"]), ("/a%2Fb/c", ["a/b", "c"]), ("/a/", ["a", ""]), ("//a", ["", "a"]),
            ("a", nil), ("/%2", nil), ("/%ff", nil), ("/%00", nil), ("*", nil), ("", nil), ("/..", [".."]),
        ] as [(String, [String]?)])
    func targets(text: String, segments: [String]?) {
        #expect(HTTPTarget(text)?.segments == segments)
    }

    @Test("a query's parameters are decoded")
    func query() {
        let target = HTTPTarget("/a?x=1&y=a+b%26c&z&x=2")
        #expect(target?["x"] == "1" && target?["y"] == "a b&c" && target?["z"] == "" && target?["w"] == nil)
    }
}
