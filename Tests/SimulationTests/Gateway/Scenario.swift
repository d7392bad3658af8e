import WeirBase
import WeirConfiguration
import WeirQuota
import WeirRuntime

/// What a seed makes of a run: who is limited how, who sends what, and what goes wrong when.
struct Scenario: CustomStringConvertible {
    /// What befalls the gateway at some instant.
    enum Fate {
        /// The process is killed, with all that the disk had not made durable at stake.
        case kill
        /// The power goes with so many changes of the disk.
        case powerCut(Int)
        /// The sync after so many others fails.
        case failingSync(Int)
        case fullDisk(UInt64)
        case wallStep(Int64)
        case outage(relay: Int, UInt64)
        /// A thread stands still: the ledger's, or one of the loops.
        case slowDisk(UInt64)
        case slowLoop(Int, UInt64)
    }

    struct RelayPart {
        var weight: Int
        var connections: Int
        var tls: String
        var manners: Manners
    }

    struct AccountPart {
        var login: String?
        var customer: String?
        var sessions: [[Letter]]
        var habits: Habits
    }

    let seed: UInt64
    var isCalm = false
    var clientPlan = FaultPlan.none
    var relayPlan = FaultPlan.none
    var relays: [RelayPart] = []
    var accounts: [AccountPart] = []
    var fates: [(at: UInt64, fate: Fate)] = []
    /// Nanoseconds from the start, after which nothing goes wrong any more.
    var healsAt: UInt64 = 0
    var epoch = Simulation.epoch
    var hourCap = 0
    var dayCap: Int?
    var messageCap = 0
    var octetsCap: Int?
    var connectionsCap: Int?
    var customerCap: Int?
    var gatewayCap: Int?
    var detector = Plan.DetectorMode.off
    var scanner: ScannerManners?
    var theft: Theft?
    var scannerAway = "open"
    /// In KiB.
    var scannerSize = 16
    var relayTimeout = 60
    var dotTimeout = 600
    var clientTimeout = 300
    /// Times that pass between one round of letters and the next, so that windows move.
    var interludes: [UInt64] = []

    init(seed: UInt64) {
        self.seed = seed
        var random = SeededRandom(seed: seed)
        random = random.fork()
        isCalm = random.chance(0.15)
        let vices = isCalm ? 0 : [0.1, 0.3, 0.6][random.below(3)]
        if !isCalm {
            if random.chance(0.7) { clientPlan = FaultPlan(drawnBy: &random, faults: vices) }
            if random.chance(0.7) { relayPlan = FaultPlan(drawnBy: &random, faults: vices) }
        }
        // Near the end of a slot, so that dots fall in later slots than their charges.
        epoch =
            Simulation.epoch + random.within(0...24) * 5 * .minute + [0, 4 * .minute, 299 * .second][random.below(3)]
        healsAt = random.within(30 * .second...10 * .minute)
        drawLimits(&random)
        drawRelays(&random, vices)
        drawAccounts(&random, vices)
        if !isCalm { drawFates(&random) }
        if random.chance(0.5) {
            scanner = isCalm ? .good : ScannerManners(drawnBy: &random, vices: max(vices, 0.3))
            scannerAway = random.chance(0.5) ? "open" : "defer"
            scannerSize = random.chance(0.5) ? 16 : 1000
        }
        relayTimeout = [10, 60, 120][random.below(3)]
        dotTimeout = [30, 60, 60, 600][random.below(4)]
        clientTimeout = [30, 60, 60, 300][random.below(4)]
        // An hour later, or nearly: while slots leave the window one by one.
        if random.chance(0.15) {
            interludes = (0..<(1 + random.below(2))).map { _ in random.within(50 * .minute...66 * .minute) }
        }
        if random.chance(0.25) { drawTheft(&random, vices) }
    }

    private mutating func drawLimits(_ random: inout SeededRandom) {
        hourCap = random.within(1...30)
        messageCap = random.within(1...6)
        if random.chance(0.3) { dayCap = random.within(hourCap...2 * hourCap) }
        if random.chance(0.2) { octetsCap = random.within(3...40) * 1000 }
        if random.chance(0.2) { connectionsCap = random.within(1...3) }
        if random.chance(0.4) { customerCap = random.within(1...40) }
        if random.chance(0.3) { gatewayCap = random.within(5...80) }
    }

    private mutating func drawRelays(_ random: inout SeededRandom, _ vices: Double) {
        for index in 0..<(1 + random.below(3)) {
            relays.append(
                RelayPart(
                    weight: index == 0 ? 1 : random.below(3), connections: random.within(1...6),
                    tls: ["none", "required", "opportunistic"][random.below(3)],
                    manners: isCalm ? .good : Manners(drawnBy: &random, vices: vices)))
        }
    }

    private mutating func drawAccounts(_ random: inout SeededRandom, _ vices: Double) {
        for index in 0..<(1 + random.below(4)) {
            let login = random.chance(0.5) ? "user\(index)@isp.example" : nil
            let customer = login != nil && random.chance(0.6) ? "company" : nil
            var number = 0
            let sessions = (0..<(1 + random.below(3))).map { _ in
                (0..<(1 + random.below(4))).map { _ in
                    number += 1
                    let count = 1 + random.below(messageCap + 2)
                    return Letter(
                        number: number,
                        recipients: (0..<count).map { "r\($0).\(number).\(index)@dest.example" },
                        octets: random.chance(0.05) ? 60_000 : random.below(3000))
                }
            }
            accounts.append(
                AccountPart(
                    login: login, customer: customer, sessions: sessions,
                    habits: isCalm ? Habits() : Habits(drawnBy: &random, vices: vices)))
        }
    }

    private mutating func drawFates(_ random: inout SeededRandom) {
        for _ in 0..<[0, 1, 1, 2, 4][random.below(5)] {
            let at = random.within(0...healsAt)
            let fate: Fate
            switch random.below(10) {
            case 0, 1: fate = .kill
            case 2: fate = .powerCut(1 + random.below(60))
            case 3: fate = .failingSync(1 + random.below(8))
            case 4: fate = .fullDisk(random.within(.second...2 * .minute))
            case 5: fate = .wallStep(Int64(random.within(0...6 * .hour)) - Int64(3 * .hour))
            case 6: fate = .outage(relay: random.below(relays.count), random.within(.second...5 * .minute))
            case 7, 8: fate = .slowDisk(random.within(1 * .millisecond...40 * .second))
            default: fate = .slowLoop(random.below(2), random.within(1 * .millisecond...10 * .second))
            }
            fates.append((at, fate))
        }
        fates.sort { $0.at < $1.at }
    }

    var description: String {
        let fates = fates.map { "\($0.fate) at \(seconds($0.at))" }.joined(separator: ", ")
        return """
            seed \(seed)\(isCalm ? ", calm" : ""): \(accounts.count) accounts, hour \(hourCap), day \(dayCap ?? -1), \
            message \(messageCap), octets \(octetsCap ?? -1), customer \(customerCap ?? -1), gateway \(gatewayCap ?? -1); \
            \(relays.count) relays of \(relays.map(\.connections)) connections
              clients: \(clientPlan)
              relays: \(relayPlan)
              manners: \(relays.map(\.manners).map { "\($0)" }.joined(separator: "\n    "))
              fates: \(fates); heals at \(seconds(healsAt))\(theft.map { "\n  \($0)" } ?? "")
            """
    }
}

extension Scenario {
    /// The limits that are enforced, and beside them one of each quantity that only counts.
    func accountLimits() throws -> [Limit] {
        var texts = ["\(hourCap) recipients per hour", "\(messageCap) recipients per message"]
        texts.append(dayCap.map { "\($0) recipients per day" } ?? "5 recipients per day, observe")
        texts.append(octetsCap.map { "\($0) B per hour" } ?? "5 KB per hour, observe")
        texts.append("\(connectionsCap ?? 1000) connections")
        texts += ["5 messages per hour, observe", "5 messages per day, observe", "5 KB per day, observe"]
        texts += ["5 refusals per hour, observe", "5 refusals per day, observe"]
        return try texts.map { try Limit(parsing: $0) }
    }

    func policies() throws -> Policies {
        let observed = ["5 messages per day, observe", "5 KB per day, observe", "5 refusals per day, observe"]
        func group(_ cap: Int?) throws -> LimitSet {
            let texts = [cap.map { "\($0) recipients per hour" } ?? "5 recipients per hour, observe"] + observed
            return LimitSet(try texts.map { try Limit(parsing: $0) })
        }
        return Policies(
            plans: try PlanSet([
                PlanDefinition(name: "subscriber", limits: try accountLimits(), detector: detector),
                PlanDefinition(name: "ample", limits: [try Limit(parsing: "1000 recipients per hour")]),
            ]), otherCustomers: try group(customerCap), gateway: try group(gatewayCap))
    }

    func configuration() throws -> Configuration {
        var text = """
            hostname: gate.isp.example
            store: store
            policies: [none.yaml]
            contact: abuse@isp.example
            hash_key_file: hash.key
            tls: {certificate: certificate.pem, key: key.pem}
            delivery: proxy
            timeouts: {relay: \(relayTimeout)s, relay_dot: \(dotTimeout)s, command: \(clientTimeout)s, data: \(clientTimeout)s}
            listeners:
              - {name: subscribers, address: "192.0.2.25:25", tls: starttls, accounts: network}
              - {name: submission, address: "192.0.2.25:587", tls: starttls, accounts: login}
            networks:
              - {range: 203.0.113.0/25, each: 32, plan: subscriber}
              - {range: 203.0.113.128/25, each: 32, plan: ample}
            relays:

            """
        if scanner != nil {
            let url = "http://198.51.100.100:11333"
            text = "scanner: {url: \"\(url)\", deadline: 5s, size: \(scannerSize) KiB, away: \(scannerAway)}\n" + text
        }
        if theft != nil { text = Theft.settings + text }
        for (index, relay) in relays.enumerated() {
            text += "  - {name: relay\(index), address: relay\(index).isp.example:25, tls: \(relay.tls), "
            text += "weight: \(relay.weight), connections: \(relay.connections)}\n"
        }
        return try Configuration.parse(Array(text.utf8), file: "weir.yaml")
    }
}
