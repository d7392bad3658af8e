import Foundation
import TestKit

/// One line of a recorded trace, as `weir detector replay` reads it.
struct TraceLine: Codable, Sendable {
    struct Facts: Codable, Sendable {
        /// The message of the pool.
        var m: String
        var sc: Double
        var fp: String
        var sz: Int
        var u: Int
        var h: Int
        var at: Int
        var un: Int
        /// Hashes of the domains that links lead to.
        var ld: [String]?
    }

    struct Replies: Codable, Sendable {
        /// For each recipient, and at the end of data.
        var r: [String]
        var d: String
    }

    var n: Int
    var t: Double
    var k: String
    var a: String
    var ip: String
    var helo: String?
    var mf: String?
    var hf: String?
    var rc: [String]?
    var f: Facts?
    var up: Replies?
}

/// What the operator knows of an account in a trace.
struct TraceAccount: Codable, Sendable {
    var plan: String
    /// `user` or `ip`.
    var ident: String
    var day0: Double
}

extension RecordedTrace {
    /// The lines of these accounts, or of all; times in order.
    static func lines(of accounts: Set<String>?, in folder: String, to work: TemporaryFolder) throws -> [TraceLine] {
        let pattern = accounts.map { "\"a\":\"(\($0.sorted().joined(separator: "|")))\"" } ?? "."
        let found = work.file("found.jsonl")
        let search = try Program.run(
            "sh", ["-c", "zcat \"$1\" | grep -E \"$2\" > \"$3\"", "sh", "\(folder)/trace.jsonl.gz", pattern, found])
        guard search.status == 0 else { throw Program.Failure(description: search.errors) }
        let decoder = JSONDecoder()
        return try contents(of: found).split(separator: UInt8(ascii: "\n")).map {
            try decoder.decode(TraceLine.self, from: Data($0))
        }
    }

    static func accounts(in folder: String) throws -> [String: TraceAccount] {
        try JSONDecoder().decode([String: TraceAccount].self, from: Data(contents(of: "\(folder)/accounts.json")))
    }
}
