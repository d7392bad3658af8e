import Testing
import WeirQuota

@Suite("Limits as a person writes them")
struct LimitTests {
    @Test(
        "reads what a plan says",
        arguments: [
            ("1000 recipients per day", .recipients, .day, false, .deferral, 1000),
            ("1 recipient per message", .recipients, .message, false, .deferral, 1),
            ("24,000 recipients per day", .recipients, .day, false, .deferral, 24_000),
            ("24_000 Recipients PER Day", .recipients, .day, false, .deferral, 24_000),
            ("1,000,000 messages per hour, observe", .messages, .hour, false, .observe, 1_000_000),
            ("50 MB per message", .octets, .message, false, .rejection, 50_000_000),
            ("4 KiB per message, observe", .octets, .message, false, .observe, 4096),
            ("2GB per day,reject", .octets, .day, false, .rejection, 2_000_000_000),
            ("20 connections", .connections, .concurrent, false, .deferral, 20),
            ("1 connection, reject", .connections, .concurrent, false, .rejection, 1),
            ("  200 refusals per hour , calendar , defer ", .refusals, .hour, true, .deferral, 200),
            ("200 messages per hour, rolling", .messages, .hour, false, .deferral, 200),
            ("5 messages per day, reject, calendar", .messages, .day, true, .rejection, 5),
            ("0 recipients per day", .recipients, .day, false, .deferral, 0),
            ("9223372036854775807 recipients per day", .recipients, .day, false, .deferral, .max),
        ] as [(String, Limit.Quantity, Limit.Window, Bool, Limit.Excess, Int64)])
    func parses(
        text: String, quantity: Limit.Quantity, window: Limit.Window, calendar: Bool, excess: Limit.Excess,
        allowed: Int64
    ) throws {
        let expected = Limit(
            quantity: quantity, window: window, calendar: calendar, excess: excess, allowed: allowed)
        #expect(try Limit(parsing: text) == expected)
    }

    @Test(
        "says where a mistake is, and what was possible",
        arguments: [
            ("", 1, "begins with a number", "1000 recipients per day"),
            ("many recipients per day", 1, "begins with a number", "1000 recipients per day"),
            ("-5 recipients per day", 1, "begins with a number", "1000 recipients per day"),
            ("1,00 recipients per day", 1, "grouped by thousands", "24,000"),
            ("1.5 GB per day", 2, "whole number", "1500 MB"),
            ("1.5 recipients per day", 2, "whole number", "leave out the fraction"),
            ("2 recipients per message, reject", 27, "fit into another message", "leave out \"reject\""),
            ("9223372036854775808 recipients per day", 1, "too large", "at most"),
            ("9223372036854775807 GB per day", 1, "too large", "at most"),
            ("1000 recipents per day", 6, "\"recipents\" is not known", "did you mean \"recipients\"?"),
            ("1000 bananas per day", 6, "\"bananas\" is not known", "messages, recipients, refusals, connections"),
            ("1000", 5, "ends here", "messages, recipients"),
            ("1000 recipients", 16, "ends here", "recipients per message or hour or day"),
            ("1000 recipients a day", 17, "\"a\" is not known", "recipients per message or hour or day"),
            ("1000 recipients per", 20, "ends here", "recipients per message or hour or day"),
            ("1000 recipients per dya", 21, "\"dya\" is not known", "did you mean \"day\"?"),
            ("1000 recipients per week", 21, "\"week\" is not known", "recipients per message or hour or day"),
            ("20 connections per day", 16, "at one time", "leave out \"per"),
            ("5 refusals per message", 16, "refusals are not limited per message", "refusals per hour or day"),
            ("5 messages per message", 16, "messages are not limited per message", "messages per hour or day"),
            ("5 recipients per message, calendar", 27, "only hours and days", "leave out"),
            ("20 connections, rolling", 17, "only hours and days", "leave out"),
            ("50 MB per message, defer", 20, "never fits later", "reject or observe"),
            ("5 recipients per day calendar", 22, "\"calendar\" is not known here", "comma"),
            ("5 recipients per day, calender", 23, "\"calender\" is not known", "did you mean \"calendar\"?"),
            ("5 recipients per day,", 22, "ends here", "an option follows"),
            ("5 recipients per day, rolling, calendar", 32, "one too many", "rolling or calendar"),
            ("5 recipients per day, defer, reject", 30, "one too many", "defer, reject or observe"),
            ("ü 5 recipients per day", 1, "begins with a number", "1000"),
        ])
    func refuses(text: String, column: Int, reason: String, hint: String) {
        let error = #expect(throws: LimitError.self) { try Limit(parsing: text) }
        #expect(error?.column == column)
        #expect(error?.reason.contains(reason) == true, "\(error?.reason ?? "")")
        #expect(error?.hint.contains(hint) == true, "\(error?.hint ?? "")")
    }

    @Test("writes what it reads, for every limit there is")
    func roundTrip() throws {
        for name in Limit.Name.all {
            for excess in Limit.Excess.allCases {
                for calendar in [false, true] where !calendar || name.window == .hour || name.window == .day {
                    for allowed in [0, 1, 2, 999, 1000, 1024, 1536, 50_000_000, 3 << 30, .max] as [Int64] {
                        let isOfOneMessage = name.window == .message
                        guard excess != .deferral || name.quantity != .octets || !isOfOneMessage,
                            excess != .rejection || name.quantity != .recipients || !isOfOneMessage
                        else { continue }
                        let limit = Limit(
                            quantity: name.quantity, window: name.window, calendar: calendar, excess: excess,
                            allowed: allowed)
                        #expect(try Limit(parsing: limit.description) == limit)
                    }
                }
            }
        }
    }

    @Test(
        "is called by what it counts",
        arguments: [
            ("1000 recipients per day, calendar", "recipients-per-day", "recipients per day"),
            ("5 recipients per message", "recipients-per-message", "recipients per message"),
            ("2 GB per day", "size-per-day", "per day"),
            ("20 connections", "connections", "connections"),
            ("20 connections, observe", "connections-observe", "connections"),
            ("5 refusals per hour, observe", "refusals-per-hour-observe", "refusals per hour"),
        ] as [(Limit, String, String)])
    func names(limit: Limit, name: String, phrase: String) {
        #expect(limit.name.description == name)
        #expect(limit.phrase == phrase)
        #expect(Limit.Name(name) == limit.name)
    }

    @Test("knows a name as a person types it, and no other")
    func typedNames() {
        let limit: Limit = "1000 recipients per day"
        #expect(Limit.Name("Recipients per Day") == limit.name)
        #expect(Limit.Name("recipients-per-week") == nil)
        #expect(Limit.Name("connections-per-day") == nil)
        #expect(Limit.Name("") == nil)
        #expect(Set(Limit.Name.all.map(\.description)).count == Limit.Name.all.count)
    }

    @Test(
        "tells figures with their unit",
        arguments: [
            ("5 recipients per day", 999, "999"), ("2 GB per day", 0, "0 B"), ("2 GB per day", 999, "999 B"),
            ("2 GB per day", 50_000_000, "50 MB"), ("2 GB per day", .max, "9223372036.8 GB"),
            ("2 GB per day", 1500, "1.5 KB"), ("2 GB per day", 1_987_654_321, "1.9 GB"),
        ] as [(Limit, Int64, String)])
    func figures(limit: Limit, count: Int64, text: String) {
        #expect(limit.spell(count) == text)
    }
}
