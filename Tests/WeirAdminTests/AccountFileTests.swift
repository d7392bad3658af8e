import Testing
import WeirAdmin
import WeirBase

@Suite("A file of accounts")
struct AccountFileTests {
    private func faults(_ text: String) -> [AdminError.Detail] {
        do throws(AdminError) {
            return try AccountFile(Array(text.utf8)).faults
        } catch {
            return error.errors
        }
    }

    @Test("every column is read, quoted or not, in any order", arguments: ["\n", "\r\n"], ["", "\u{FEFF}"])
    func columns(ending: String, mark: String) throws {
        let lines = [
            "plan,login,mail,password_hash,networks,customer",
            "residential,alice@isp.example,a@b.example,$y$j9T$abc$def,192.0.2.0/24 2001:db8::/56,\"ACME, \"\"Ltd\"\"\"",
            "business,bob,,{SHA256}" + String(repeating: "0aF9", count: 16) + ",,", "",
        ]
        let file = try AccountFile(Array((mark + lines.joined(separator: ending)).utf8))
        #expect(
            file.rows == [
                AccountFile.Row(
                    line: 2, login: "alice@isp.example", plan: "residential", customer: "ACME, \"Ltd\"",
                    networks: try ["192.0.2.0/24", "2001:db8::/56"].map { try IPNetwork(parsing: $0) },
                    passwordHash: "$y$j9T$abc$def", mail: "a@b.example"),
                AccountFile.Row(
                    line: 3, login: "bob", plan: "business", customer: nil, networks: [],
                    passwordHash: "{SHA256}" + String(repeating: "0aF9", count: 16), mail: nil),
            ])
    }

    @Test("a file without its last line's end is whole, and a quoted field may hold line ends")
    func endings() throws {
        let file = try AccountFile(Array("login,plan,customer\na,p,\"two\nlines\"\nb,p,".utf8))
        #expect(file.rows.map(\.line) == [2, 4])
        #expect(file.rows.map(\.login) == ["a", "b"])
    }

    @Test(
        "a bad line is named by its number",
        arguments: [
            ("login,plan\na\n", 2, "1 field where the header names 2"),
            ("login,plan\na,p,x\n", 2, "3 fields where the header names 2"),
            ("login,plan\n\n,p\n", 3, "the login is empty"),
            ("login,plan\na,\n", 2, "the plan is empty"),
            ("login,plan\na b,p\n", 2, "holds a space"),
            ("login,plan\na,p\nA,p\n", 3, "A is already on line 2"),
            ("login,plan,networks\na,p,10.0.0.0/33\n", 2, "\"10.0.0.0/33\" is no network"),
            ("login,plan,networks\na,p,10.0.0.0/+8\n", 2, "is no network"),
            ("login,plan,networks\na,p,::/129\n", 2, "is no network"),
            ("login,plan,networks\na,p,10.0.0/8\n", 2, "is no network"),
            ("login,plan,networks\na,p,10.0.0.1/8\n", 2, "the network is 10.0.0.0/8"),
            ("login,plan,password_hash\na,p,secret\n", 2, "neither a libcrypt string"),
            ("login,plan,password_hash\na,p,{SHA256}abc\n", 2, "neither a libcrypt string"),
            ("login,plan,mail\na,p,nobody\n", 2, "\"nobody\" is no mail address"),
            ("login,plan\n\"a,p\n", 2, "a quote that is not closed"),
            ("login,plan\n\"a\"x,p\n", 2, "text after a closing quote"),
            ("login,plan\na\"x,p\n", 2, "a quote within an unquoted field"),
            ("login,plan\na\0,p\n", 2, "not UTF-8 text"),
            ("", 1, "is empty"),
            ("login\na\n", 1, "the columns login and plan are required"),
            ("login,plan,paln\n", 1, "column \"paln\" is none of login, plan"),
            ("login,plan,login\n", 1, "a column is named twice"),
        ])
    func badLine(text: String, line: Int, reason: String) {
        let faults = faults(text)
        #expect(faults.count == 1)
        #expect(faults.first?.line == line)
        #expect(faults.first?.detail.contains(reason) == true, "\(faults)")
    }

    @Test("every bad line is named, and good ones between them do not help")
    func allFaults() {
        #expect(faults("login,plan\n,p\na,p\n\"x\"y,p\nb,p\nc\n").compactMap(\.line) == [2, 4, 6])
    }

    @Test("no more faults are listed than anybody reads")
    func manyFaults() {
        let text = "login,plan\n" + String(repeating: "x\n", count: AccountFile.faultsMax + 50)
        #expect(faults(text).count == AccountFile.faultsMax)
    }

    @Test("octets that are not UTF-8 are a fault of their line")
    func notText() throws {
        let file = try AccountFile(Array("login,plan\n".utf8) + [0xFF, 0x2C, 0x70, 0x0A])
        #expect(file.faults == [.init(line: 2, detail: "not UTF-8 text")])
    }

    @Test("any octets at all are read or refused, never a trap")
    func arbitrary() {
        var state: UInt64 = 0x9E37_79B9
        let alphabet = Array(",\"\n\r a{$/\u{FEFF}".utf8) + [0xFF, 0x00]
        for _ in 0..<2_000 {
            var octets = Array("login,plan\n".utf8)
            for _ in 0..<12 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                octets.append(alphabet[Int(state >> 33) % alphabet.count])
            }
            let rows = (try? AccountFile(octets))?.rows ?? []
            #expect(rows.allSatisfy { !$0.login.isEmpty && !$0.plan.isEmpty })
        }
    }

    @Test("ten thousand lines are read whole")
    func size() throws {
        let lines = (0..<10_000).map { "user\($0)@isp.example,residential,,10.\($0 / 256 % 256).\($0 % 256).0/24,," }
        let text = "login,plan,customer,networks,password_hash,mail\n" + lines.joined(separator: "\n")
        let clock = ContinuousClock()
        var count = 0
        let time = try clock.measure { count = try AccountFile(Array(text.utf8)).rows.count }
        #expect(count == 10_000)
        print("10,000 lines read in \(time)")
    }
}
