import Foundation

/// A webhook in Python, which verifies signatures by itself and keeps what it received.
package final class Hook: Sendable {
    /// One request.
    package struct Call: Decodable, Sendable {
        package var id: String
        package var timestamp: String
        /// Whether a signature was made with the secret.
        package var isSigned: Bool
        package var signatures: Int
        package var body: String
    }

    package let port: UInt16
    package let secret: String
    package let url: String
    private let folder: TemporaryFolder
    private let program: Program

    /// Answers with each of `statuses` once, then with the last for ever; "hang" is no answer at all. Over TLS with a certificate.
    package init(
        _ statuses: [String] = ["204"], secret: String = Hook.newSecret, tls: (certificate: String, key: String)? = nil
    ) throws {
        folder = try TemporaryFolder()
        port = Ports.free()
        self.secret = secret
        url = tls == nil ? "http://127.0.0.1:\(port)/hook" : "https://localhost:\(port)/hook"
        let script = try folder.write(Hook.script, to: "hook.py")
        program = try Program(
            "python3",
            [script, "\(port)", secret, folder.file("calls"), statuses.joined(separator: ",")]
                + (tls.map { [$0.certificate, $0.key] } ?? []),
            output: folder.file("log"))
        guard Ports.opens(port) else { throw Program.Failure(description: "the webhook did not start") }
    }

    deinit { program.stop() }

    package static var newSecret: String {
        "whsec_" + Data((0..<32).map { _ in UInt8.random(in: 0...255) }).base64EncodedString()
    }

    package var calls: [Call] {
        let text = (try? String(contentsOfFile: folder.file("calls"), encoding: .utf8)) ?? ""
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return text.split(separator: "\n").compactMap { try? decoder.decode(Call.self, from: Data($0.utf8)) }
    }

    private static let script = """
        import base64, hashlib, hmac, http.server, json, ssl, sys, threading, time
        port, secret, calls, statuses = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4].split(",")
        key = base64.b64decode(secret.removeprefix("whsec_"))
        lock = threading.Lock()
        class Hook(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                id, at = self.headers["webhook-id"], self.headers["webhook-timestamp"]
                mac = hmac.new(key, f"{id}.{at}.".encode() + body, hashlib.sha256).digest()
                wanted = "v1," + base64.b64encode(mac).decode()
                given = self.headers["webhook-signature"].split(" ")
                fresh = abs(time.time() - int(at)) < 300
                with lock:
                    status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
                    with open(calls, "a") as file:
                        file.write(json.dumps({"id": id, "timestamp": at, "signatures": len(given), "body": body.decode(),
                            "is_signed": fresh and any(hmac.compare_digest(wanted, one) for one in given)}) + "\\n")
                if status == "hang": time.sleep(600)
                self.send_response(int(status))
                self.send_header("Content-Length", "0")
                self.end_headers()
            def log_message(self, *arguments): pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Hook)
        server.daemon_threads = True
        if len(sys.argv) > 5:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(sys.argv[5], sys.argv[6])
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        server.serve_forever()
        """
}
