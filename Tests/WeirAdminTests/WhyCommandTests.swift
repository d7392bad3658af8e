import Foundation
import TestKit
import Testing
import WeirAdmin

@Suite("The verbs that tell why")
struct WhyCommandTests {
    private func run(_ server: AdminServer, _ arguments: String...) throws -> Program.Outcome {
        try Program.run(weir, arguments, environment: ["WEIR_SOCKET": server.socket, "USER": "tester"])
    }

    @Test("why LOGIN tells state, score, families with their facts, acquittal, messages and what to run next")
    func account() async throws {
        try await AdminServer.run { server in
            _ = try await server.remote.put("anna", .init(plan: "residential"), by: Actor(name: ""))
            _ = try await server.remote.suspend("anna", why: "spam", by: Actor(name: ""))
            let told = try run(server, "why", "anna")
            #expect(
                told.output == """
                    anna is suspended since 1970-01-01T00:16:40Z, by weir.
                    Plan residential, detector suspend.

                    Verdict of 1970-01-01T00:16:40Z: suspended, with a score of 9.3 where 7.5 is enough.
                    It was normal before; decided before its last message was released.

                      origin       4.3  from an unfamiliar network
                      volume       3.0  
                      content      2.0  
                      prior        0.1  known beforehand
                      delivery    -0.1  
                      opened 2.0 days ago

                    Without origin, or without volume, it would have stayed below.
                    Messages that gave reason, the last one last:
                      1MC0J3SZK5B2E  1970-01-01T00:16:40Z

                    What to run next:
                      weir account release anna --why TEXT
                          let it send again, on probation for seven days
                      weir account suspend anna --why TEXT
                          confirm it: calibration leaves the account out
                      weir why 1MC0J3SZK5B2E
                          what came of the last of these messages
                      weir account history anna
                          all that happened to it

                    """)
            #expect(told.status == 0 && told.errors.isEmpty)
            let json = try run(server, "why", "anna", "--json")
            #expect(
                json.output == String(decoding: try server.curl("/v1/accounts/anna/why").body.utf8, as: UTF8.self)
                    + "\n")
            #expect(try run(server, "why", "nobody").status == 67)
        }
    }

    @Test("why ID tells what came of a message; an id that nobody knows ends with 67, one that is a login is one")
    func message() async throws {
        try await AdminServer.run { server in
            let told = try run(server, "why", "1MC0J3SZK5B2E")
            #expect(told.output.contains("account\tanna (removed)\n"))
            #expect(told.output.contains("result\trefused: over a limit\nrecipients taken\t0\n"))
            #expect(told.output.contains("limit\trecipients-per-day\n"))
            #expect(try run(server, "why", "[1MC0J3SZK5B2E]").output == told.output, "as it stands in a reply")
            let unknown = try run(server, "why", "1MC0J3SZK5B2F")
            #expect(unknown.status == 67 && unknown.errors == "weir: Nothing is known of 1MC0J3SZK5B2F.\n")
            _ = try await server.remote.put("1mc0j3szk5b2f", .init(plan: "residential"), by: Actor(name: ""))
            #expect(try run(server, "why", "1mc0j3szk5b2f").output.hasPrefix("1mc0j3szk5b2f is normal since "))
        }
    }

    @Test("account history goes in order of time, and says where there is more")
    func history() async throws {
        try await AdminServer.run { server in
            _ = try await server.remote.put("anna", .init(plan: "residential"), by: Actor(name: ""))
            let one = try run(server, "account", "history", "anna", "--limit", "1")
            #expect(one.output == "1970-01-01T00:16:40Z\tweir\tverdict (suspend)\t\t\t\n")
            #expect(one.errors == "There is more before that: --limit N.\n")
            #expect(try run(server, "account", "history", "nobody").status == 67)
            #expect(try run(server, "account", "history", "anna", "--limit", "0").status == 64)
        }
    }

    @Test("detector calibrate prints the curve, and says that there is too little")
    func calibration() async throws {
        try await AdminServer.run { server in
            let curve = try run(server, "detector", "calibrate", "--plan", "residential")
            #expect(curve.output == "7.5 suspends\t7.0\t0.0\t0\t500.0\t0\n")
            #expect(curve.errors.contains("Too little to promise at most 0.1 suspensions in 1,000 account-days"))
            #expect(curve.errors.contains("that takes 9999 account-days"))
            #expect(try run(server, "detector", "calibrate", "--json").output.contains("\"suspensions_a_week\":0"))
        }
    }
}
