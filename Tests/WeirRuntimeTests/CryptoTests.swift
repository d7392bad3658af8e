import Testing
import WeirBase
import WeirRuntime

@Suite("Secrets")
struct CryptoTests {
    static func hex(_ octets: [UInt8]) -> String {
        octets.map { octet in (octet < 16 ? "0" : "") + String(octet, radix: 16) }.joined()
    }

    @Test("SHA-256 and HMAC agree with the published vectors")
    func vectors() {
        #expect(
            CryptoTests.hex(SHA256.digest(Array("abc".utf8)))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            CryptoTests.hex(SHA256.digest([])) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        // RFC 4231, test case 2.
        #expect(
            CryptoTests.hex(HMACSHA256.code(Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8)))
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    }

    @Test(
        "base64url is what RFC 4648 says, and nothing else is read",
        arguments: [
            ([], ""), ([0xFF], "_w"), ([0xFF, 0xEF], "_-8"), ([1, 2, 3], "AQID"), (Array("foobar".utf8), "Zm9vYmFy"),
        ] as [([UInt8], String)])
    func base64(octets: [UInt8], text: String) {
        #expect(Base64URL.encode(octets) == text)
        #expect(Base64URL.decode(text) == octets)
        for wrong in [text + "=", text + "+", "A", "_x", text + "\n"] { #expect(Base64URL.decode(wrong) == nil) }
    }

    @Test("a token is 32 random octets, known by its digest")
    func tokens() {
        let token = ApplicationToken.make()
        #expect(Base64URL.decode(token.text)?.count == 32)
        #expect(ApplicationToken.digest(of: Array(token.text.utf8)) == token.digest)
        #expect(ApplicationToken.make().text != token.text)
    }

    @Test("constant-time comparison is a comparison")
    func compares() {
        #expect(equalInConstantTime([1, 2], [1, 2]))
        #expect(!equalInConstantTime([1, 2], [1, 3]))
        #expect(!equalInConstantTime([1, 2], [1, 2, 3]))
        var secret: [UInt8] = [1, 2, 3]
        cleanse(&secret)
        #expect(secret.isEmpty)
    }

    @Test(
        "verifies hashes that other systems made",
        arguments: [
            // The password is "correct horse" in each.
            "$y$j75$TVdHYTJOOdJFiIMdBLPFm0$de/G/o7wnNzgVJZZddQyvV4lngEy/R5XR9FkmTMZUK2",
            "$gy$j75$Svk93VcPTK22arH6uTktY.$hy5deRWcwiR/8qwqSk82n8kl98y1IBZhxjTwXhyTfC9",
            "$2b$04$.XQUErZFhbM1bFrmC1HSweCplPHna/1Fo1SVxDhaJIs19swRjOR6m",
            "$2y$04$DqfVV1PMyba3UdpN4Vmr3uWBs/EVRsENN.6AUfndsxMJw0wqG6Ra2",
            "$6$rounds=1000$USRnog3oIa.5AtO4$npMv8ih050EaNonYiK9VokfvAAwp6xu4cjoQtZ/qT71Pwnfr/x8SX/czpxE5blPGgRuynWURNBw1ta4UsPwR0/",
        ])
    func verifies(text: String) throws {
        let hash = try #require(PasswordHash(text))
        #expect(hash.verify(Array("correct horse".utf8)))
        #expect(!hash.verify(Array("correct hors".utf8)))
        #expect(!hash.verify(Array("correct horse\0".utf8)))
        #expect(!hash.verify([]))
    }

    @Test(
        "refuses methods that are broken, strings that are not hashes, and costs that nobody can bear",
        arguments: [
            "", "*", "!", "x", "$", "$$$$", "aaLR8vE.jjhss", "$1$salt$qJH7.N4xYta3aEG/dfqo/0", "$y$", "$y$j9T$",
            "plain",
            "$y$jZT$vb7d6xzwHmoq0N5C9ysFC1$x", "$2b$31$vb7d6xzwHmoq0N5C9ysFC1xvb7d6xzwHmoq0N5C9ysFC1xvb7d6xz",
            "$6$rounds=999999999$salt$x", "$6$salt salt$x", "$6$salt$x\n", "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
            String(repeating: "$6$a", count: 100),
        ])
    func refuses(text: String) { #expect(PasswordHash(text) == nil) }

    private static let digest = String(repeating: "aZ0./", count: 20)

    @Test(
        "refuses what no password can match: a salt or a digest that is too short, too long or of other letters",
        arguments: [
            ("$6$abc$", 86), ("$6$$", 86), ("$6$abcdefghijklmnop$", 86), ("$6$rounds=5000$abc$", 86),
            ("$y$j9T$abc$", 43), ("$gy$j9T$abc$", 43), ("$2b$10$", 53), ("$2y$04$", 53),
        ])
    func forms(setting: String, count: Int) {
        let digest = String(Self.digest.prefix(count))
        let shorter = String(digest.dropLast())
        #expect(PasswordHash(setting + digest) != nil)
        for wrong in [shorter, "\(digest)a", "\(shorter)-", "\(shorter)$", ""] {
            #expect(PasswordHash(setting + wrong) == nil, "\(setting)\(wrong)")
        }
    }

    @Test(
        "refuses a setting that libcrypt would write in another way",
        arguments: [
            ("$6$abcdefghijklmnopq$", 86), ("$6$rounds=999$abc$", 86), ("$6$rounds=05000$abc$", 86),
            ("$6$rounds=+5000$abc$", 86), ("$2b$+4$", 53), ("$2b$4$", 53), ("$2b$15$", 53), ("$2b$03$", 53),
            ("$y$j9T$" + String(repeating: "a", count: 87) + "$", 43), ("$y$j9T$a-c$", 43), ("$y$j9T$", 43),
        ])
    func settings(setting: String, count: Int) { #expect(PasswordHash(setting + Self.digest.prefix(count)) == nil) }

    @Test("makes yescrypt hashes, each with its own salt")
    func makes() throws {
        let one = try #require(PasswordHash.make(Array("secret".utf8), cost: 1))
        let other = try #require(PasswordHash.make(Array("secret".utf8), cost: 1))
        #expect(one.text.hasPrefix("$y$"))
        #expect(one != other)
        #expect(one.verify(Array("secret".utf8)))
        #expect(PasswordHash.make([]) == nil)
        #expect(PasswordHash.make([UInt8](repeating: 65, count: PasswordHash.passwordOctetsMax), cost: 1) != nil)
        #expect(PasswordHash.make([UInt8](repeating: 65, count: PasswordHash.passwordOctetsMax + 1), cost: 1) == nil)
    }

    @Test("the hash of an unknown login has the default setting, so that it costs the same")
    func dummyCosts() throws {
        let made = try #require(PasswordHash.make(Array("secret".utf8)))
        #expect(PasswordHash(PasswordHash.dummy.text) == .dummy)
        #expect(PasswordHash.dummy.text.prefix(7) == made.text.prefix(7))
        #expect(PasswordHash.dummy.text.count == made.text.count)
        #expect(!PasswordHash.dummy.verify(Array("secret".utf8)))
    }
}

@Suite("The password pool")
struct PasswordPoolTests {
    static let login = Array("alice".utf8)
    static let password = Array("secret".utf8)

    @Test("answers right and wrong, and no unknown login is right")
    func answers() async throws {
        let runtime = try RealRuntime(loops: 1, clock: AnchoredClock())
        let pool = try PasswordPool(runtime: runtime, threads: 2)
        let hash = PasswordHash.make(PasswordPoolTests.password, cost: 1)
        #expect(
            await pool.verify(login: PasswordPoolTests.login, password: PasswordPoolTests.password, against: hash)
                == .right)
        #expect(await pool.verify(login: PasswordPoolTests.login, password: [1], against: hash) == .wrong)
        #expect(await pool.verify(login: PasswordPoolTests.login, password: [1], against: nil) == .wrong)
        pool.stop()
        runtime.stop()
    }

    @Test("says busy beyond its bound, and still knows who was right a moment ago")
    func bounded() async throws {
        let runtime = try RealRuntime(loops: 1, clock: AnchoredClock())
        let pool = try PasswordPool(runtime: runtime, threads: 1, waitingMax: 2)
        let hash = try #require(PasswordHash.make(PasswordPoolTests.password, cost: 1))
        let known = await pool.verify(
            login: PasswordPoolTests.login, password: PasswordPoolTests.password, against: hash)
        #expect(known == .right)
        let loop = runtime.loops[0]
        // On one loop, so that all have asked before the first is answered.
        let verdicts = await loop.spawn {
            await withTaskGroup(of: PasswordPool.Verdict.self) { group in
                for _ in 0..<3 {
                    group.addTask(executorPreference: loop) {
                        await pool.verify(login: PasswordPoolTests.login, password: [1], against: nil)
                    }
                }
                group.addTask(executorPreference: loop) {
                    await pool.verify(
                        login: PasswordPoolTests.login, password: PasswordPoolTests.password, against: hash)
                }
                return await group.reduce(into: [PasswordPool.Verdict]()) { $0.append($1) }
            }
        }.value
        #expect(verdicts.count { $0 == .wrong } == 2)
        #expect(verdicts.count { $0 == .busy } == 1)
        #expect(verdicts.count { $0 == .right } == 1, "what is remembered needs no thread")
        pool.stop()
        runtime.stop()
    }

    @Test("knows a right password for a minute after each use")
    func remembers() throws {
        let simulation = Simulation(seed: 1, loops: 1)
        let pool = try PasswordPool(runtime: simulation, threads: 1)
        let hash = try #require(PasswordHash.make(PasswordPoolTests.password, cost: 1))
        let loop = simulation.loops[0]
        let known = try simulation.run {
            _ = await pool.verify(login: PasswordPoolTests.login, password: PasswordPoolTests.password, against: hash)
            var known: [Bool] = []
            for wait in [40, 40, 59, 61] as [UInt64] {
                await loop.sleep(until: loop.now + wait * .second)
                known.append(
                    pool.remembers(login: PasswordPoolTests.login, password: PasswordPoolTests.password, against: hash))
            }
            return known
        }
        #expect(known == [true, true, true, false])
    }

    @Test("forgets a password whose hash has changed")
    func changes() async throws {
        let runtime = try RealRuntime(loops: 1, clock: AnchoredClock())
        let pool = try PasswordPool(runtime: runtime, threads: 1)
        let old = PasswordHash.make(PasswordPoolTests.password, cost: 1)
        let new = PasswordHash.make(Array("another".utf8), cost: 1)
        #expect(
            await pool.verify(login: PasswordPoolTests.login, password: PasswordPoolTests.password, against: old)
                == .right)
        #expect(
            await pool.verify(login: PasswordPoolTests.login, password: PasswordPoolTests.password, against: new)
                == .wrong)
        #expect(
            await pool.verify(login: PasswordPoolTests.login, password: PasswordPoolTests.password, against: nil)
                == .wrong)
        pool.stop()
        runtime.stop()
    }
}
