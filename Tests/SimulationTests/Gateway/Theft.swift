import TestKit
import WeirBase
import WeirConfiguration
import WeirGateway
import WeirQuota
import WeirReputation
import WeirRuntime
import WeirStore

/// The first account is stolen: beside its owner, who has a quiet past, others use it from elsewhere to write to people whom nobody knows.
struct Theft: CustomStringConvertible {
    /// What the thieves want delivered, in as many sessions.
    var sessions: [[Letter]] = []
    /// The process dies when the ledger has the evidence of a verdict and nothing more is written yet, so many times.
    var killsAtVerdict = 0
    var hook = ScriptedHook.Manners()

    /// Where a thief connects from; each is a network of its own.
    static let sources = (1...4 as ClosedRange<UInt32>).map { SocketAddress(ipv4: 0xC612_0009 + $0 << 8, port: 0) }
    /// What a scanner and a relay know a thief's letters by.
    static let words = "Buy it now, friend."
    static let desk = "desk@isp.example"
    static let contact = "abuse@isp.example"

    static let settings = """
        notices: {directory: notices, from: postmaster@isp.example, desk: \(desk), per_account: 100 per day}
        webhooks: [{url: "http://\(ScriptedHook.address.ip)/", secret_file: hook.secret}]

        """

    /// Those of suspensions and flags, as they are shipped.
    static let templates: [NoticeName: NoticeTemplate] = {
        let all = (try? NoticeTemplate.load(shippedNotices)) ?? [:]
        return all.filter { $0.key.kind == .suspended || $0.key.kind == .flagged }
    }()

    var description: String {
        "theft: \(sessions.map(\.count)) letters, \(killsAtVerdict) kills at a verdict, \(hook)"
    }
}

extension Scenario {
    /// So that nothing but the thieves' own letters speaks against anybody, however badly all else goes.
    mutating func drawTheft(_ random: inout SeededRandom, _ vices: Double) {
        (detector, messageCap, hourCap) = (.suspend, random.within(3...6), 200)
        (dayCap, octetsCap, connectionsCap, customerCap, gatewayCap, interludes) = (nil, nil, nil, nil, nil, [])
        for index in relays.indices { relays[index].manners.becomeFair() }
        scanner?.becomeFair()
        accounts = (0..<(2 + random.below(3))).map { index in
            let login = index == 0 || random.chance(0.5) ? "user\(index)@isp.example" : nil
            var number = 0
            let sessions = (0..<(1 + random.below(2))).map { _ in
                (0..<(1 + random.below(3))).map { _ in
                    number += 1
                    return friendly(number, of: index, &random)
                }
            }
            let habits = isCalm ? Habits() : Habits(drawnBy: &random, vices: vices)
            return AccountPart(login: login, customer: nil, sessions: sessions, habits: habits)
        }
        accounts[0].sessions.append([Letter(number: 99, recipients: [Theft.contact], octets: 100)])
        var theft = Theft()
        var number = 1000
        theft.sessions = (0..<random.within(2...4)).map { _ in
            (0..<random.within(2...4)).map { _ in
                number += 1
                let people = (0..<random.within(2...3)).map {
                    "\($0 == 0 ? "nobody" : "victim\($0)").\(number)@dest.example"
                }
                return Letter(number: number, recipients: people, octets: random.below(500), isOffer: true)
            }
        }
        if !isCalm {
            theft.killsAtVerdict = random.below(3)
            theft.hook = ScriptedHook.Manners(drawnBy: &random, vices: max(vices, 0.3))
        }
        self.theft = theft
    }

    /// To somebody whom the account has known for long, or two.
    func friendly(_ number: Int, of index: Int, _ random: inout SeededRandom) -> Letter {
        let first = random.below(Scenario.friends)
        let people = (0..<(1 + random.below(2))).map { friend(first + $0, of: index) }
        return Letter(number: number, recipients: people, octets: random.below(1000))
    }

    private static let friends = 12

    private func friend(_ number: Int, of index: Int) -> String {
        "friend\(number % Scenario.friends).\(index)@dest.example"
    }

    /// Twenty quiet days of an account, as the detector remembers them.
    func past(of index: Int, home: SocketAddress, before now: Instant) -> AccountEvidence {
        let hash = KeyedHash(installation: Life.hashKey)
        var terms = Terms.consumer
        terms.isByNetwork = accounts[index].login == nil
        var at = Instant(nanoseconds: now.nanoseconds - 20 * .day)
        var (evidence, surroundings) = (AccountEvidence(at: at), Surroundings())
        var number: UInt64 = 0
        while at < now {
            number += 1
            var facts = MessageFacts(
                id: number, account: 0, recipients: [hash(friend(Int(number), of: index))],
                network: hash(IPNetwork(containing: home.ip, length: 24).description), name: hash("[\(home.ip)]"),
                sender: hash("sender\(index)@isp.example"), scannerScore: nil)
            facts.content = ContentFacts(fingerprint: number &* 0x9E37_79B9_7F4A_7C15)
            evidence.live(through: facts, terms, &surroundings, at: at)
            at = at + 8 * .hour
        }
        return evidence
    }
}

extension Manners {
    /// Refuses what it knows for spam, and nothing by chance.
    mutating func becomeFair() {
        (refusesMail, refusesRecipient, refusesData, refusesMessage, answersEarly) = (0, 0, 0, 0, 0)
    }
}

extension ScannerManners {
    /// Calls spam what it knows for it, and nothing by chance.
    mutating func becomeFair() { (rejects, marks, defers) = (0, 0, 0) }
}
