import WeirAdmin
import WeirConfiguration

/// Who is in the demonstration: accounts, their plans, and what their owners do.
enum DemoCast {
    struct Member: Sendable {
        let login: String
        let plan: String
        /// What a spectator is told about it.
        let part: String
        /// Nil for one that is known by its network.
        let password: String?
    }

    static let anna = Member(
        login: "anna@home.example", plan: "household", part: "writes to friends", password: "sunflower")
    static let news = Member(
        login: "news@shop.example", plan: "newsletter", part: "101 subscribers", password: "wholesale")
    static let office = Member(
        login: "office@firm.example", plan: "office", part: "known by its network", password: nil)
    static let bob = Member(
        login: "bob@home.example", plan: "household", part: "password was stolen", password: "123456")
    static let you = Member(login: "you@home.example", plan: "household", part: "for you to try", password: "demo")

    static let members = [anna, news, office, bob, you]

    /// Plans whose limits show within seconds; those of an ISP are in `Policies`.
    static let plans = [
        "household": """
        plan: household
        limits:
          - 10 recipients per message
          - 25 recipients per hour
          - 300 messages per hour
          - 100 refusals per hour
        detector: suspend
        """,
        "newsletter": """
        plan: newsletter
        limits:
          - 100 recipients per message
          - 450 recipients per hour
          - 300 messages per hour
          - 2000 refusals per hour
        """,
        "office": """
        plan: office
        limits:
          - 100 recipients per message
          - 2000 recipients per hour
          - 1000 messages per hour
          - 200 refusals per hour
        """,
    ]

    /// What the thief writes, and the relay's filter knows.
    static let spamSubject = "You have won"

    /// What each owner does, and what the thief of Bob's password does.
    static let scripts = [
        DemoScript(member: anna, begins: 0, interval: 0.8, patience: 4) { number in
            DemoScript.Letter(
                "Hello", to: (0...number % 2).map { "\(["carla", "dan", "eve"][($0 + number) % 3])@example.net" })
        },
        DemoScript(member: office, begins: 0.3, interval: 0.6, patience: 2) { number in
            DemoScript.Letter("Invoice", to: (0...number % 3).map { "\(["sales", "billing", "desk"][$0])@example.com" })
        },
        DemoScript(member: bob, begins: 0.6, interval: 300, patience: 300) { _ in
            DemoScript.Letter("Dinner?", to: ["anna@home.example"])
        },
        DemoScript(member: news, begins: 1.5, interval: 5, patience: 5) { _ in
            DemoScript.Letter("This week", to: (1...101).map { "reader\($0)x@example.org" })
        },
        // A bought list of addresses, from a machine that is not Bob's: most of them do not exist.
        DemoScript(member: bob, machine: "bot.example", begins: 5, interval: 0.35, patience: 2.5) { number in
            DemoScript.Letter(
                spamSubject,
                to: (0..<8).map {
                    $0 < 3
                        ? "lucky\(number)\("abc".dropFirst($0).prefix(1))@example.com"
                        : "list\(number)\($0)@example.com"
                })
        },
    ]
}
