import WeirBase
import WeirRuntime

/// What everybody saw of one run: subscribers, relays, and a wiretap between gateway and relays.
final class Evidence {
    var attempts: [Attempt] = []
    var takes: [Take] = []
    /// As the wiretap heard them, in the order of their MAIL.
    var transactions: [WireTransaction] = []
    var crashes: [Crash] = []
    /// The number of the gateway's life.
    var life = 0
    /// By account, the lives in which it was said, or found at their start, to be suspended, or decided to be a second before.
    private(set) var suspended: [Int: Set<Int>] = [:]
    /// By whom they were told to (an address, or `webhook`), the ids of events.
    var told: [String: Set<String>] = [:]
    /// What must not happen and did, in words.
    private(set) var violations: [String] = []
    private(set) var violationCount = 0
    private let now: () -> UInt64
    /// Hears of what scripts and taps do, for people who debug.
    var narrator: ((String) -> Void)?

    init(now: @escaping () -> UInt64) { self.now = now }

    func violate(_ property: String, _ text: @autoclosure () -> String) {
        violationCount += 1
        guard violations.count < 8 else { return }
        let words = "\(property) after \(seconds(now())): \(text())"
        violations.append(words)
        narrator?("VIOLATION \(words)")
    }

    func noteSuspended(_ account: Int, by life: Int) { suspended[account, default: []].insert(life) }

    func narrate(_ text: @autoclosure () -> String) { narrator?(text()) }
}

func seconds(_ nanoseconds: UInt64) -> String {
    let millis = nanoseconds / .millisecond
    return "\(millis / 1000).\(String(millis % 1000 + 1000).dropFirst()) s"
}

/// One try of a subscriber to have a letter delivered; its token is in the message and in nothing else.
final class Attempt {
    let token: String
    let account: Int
    let letter: Int
    let body: [UInt8]
    /// In the order of RCPT; the answer is nil until it came.
    var recipients: [(address: String, code: UInt16?)] = []
    var data: ScriptReply?
    var dot: ScriptReply?
    var sentDot = false

    init(token: String, account: Int, letter: Int, body: [UInt8]) {
        self.token = token
        self.account = account
        self.letter = letter
        self.body = body
    }

    var accepted: [String] { recipients.filter { ($0.code ?? 999) < 400 }.map(\.address) }
    var refused: [String] { recipients.filter { ($0.code ?? 0) >= 400 }.map(\.address) }
}

/// A message that a relay took: its 2xx to the dot was decided.
struct Take {
    let at: Instant
    let relay: String
    let token: String
    let sender: String
    let recipients: [String]
    let accountField: String
    /// Behind what the gateway put in front.
    let body: [UInt8]
}

/// A transaction between gateway and relay, as the gateway's end of the wire heard it.
final class WireTransaction {
    let connection: Int
    let life: Int
    let began: Instant
    /// RCPT commands written.
    var asked = 0
    var recipients: [String] = []
    /// The null sender's: a notice.
    var isNotice = false
    /// Those whose 2xx was read.
    var accepted = 0
    var saidData = false
    var token = ""
    var account: Int?
    var messageID: UInt64 = 0
    /// When the last octet of the dot was written.
    var released: Instant?
    /// Something came from the relay between 354 and the dot, so that nobody can tell what the next reply answers.
    var isMuddled = false
    /// The reply to the dot that the gateway read.
    var answer: UInt16?
    /// When it ended for the gateway: by the answer, RSET, another MAIL, or the connection's end.
    var ended: Instant?

    init(connection: Int, life: Int, began: Instant) {
        self.connection = connection
        self.life = life
        self.began = began
    }

    /// Goes to the contact alone, whom also a suspended account may write to.
    var isRelief: Bool { recipients == [Theft.contact] }

    /// What the gateway must have kept of it: all, unless the relay's own refusal came to its eyes.
    var isCharged: Bool { released != nil && !((answer ?? 0) >= 400) }
}

/// The end of one life of the gateway's process without warning.
struct Crash {
    let at: Instant
    let life: Int
    /// When the last commit was confirmed before.
    let lastCommit: Instant
}
