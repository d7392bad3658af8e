extension Limit {
    /// Reads a limit as policies write it: `1000 recipients per day, calendar, reject`.
    ///
    ///     limit    = number what ["per" window] *("," option)
    ///     what     = "messages" / "recipients" / "refusals" / "connections" / unit
    ///     unit     = "B" / "KB" / "MB" / "GB" / "KiB" / "MiB" / "GiB"
    ///     window   = "message" / "hour" / "day"
    ///     option   = "rolling" / "calendar" / "defer" / "reject" / "observe"
    ///
    /// Case does not matter, singular and plural are one, and thousands may be grouped with `_` or `,`.
    package init(parsing text: some StringProtocol) throws(LimitError) {
        var scanner = LimitScanner(text)
        let amount = try scanner.number()
        let what = try scanner.quantity()
        let (allowed, overflow) = amount.value.multipliedReportingOverflow(by: what.unit)
        guard !overflow else {
            throw LimitError(column: amount.column, reason: "the number is too large", hint: "at most \(Int64.max)")
        }
        let window = try scanner.window(of: what.quantity)
        let options = try scanner.options(of: what.quantity, per: window)
        self.init(
            quantity: what.quantity, window: window, calendar: options.calendar,
            excess: options.excess ?? Limit.defaultExcess(of: what.quantity, per: window), allowed: allowed)
    }
}

/// Reads the words of one limit from left to right.
private struct LimitScanner {
    /// A run of letters, of digits with their grouping, or any other one character.
    private struct Word {
        var text: String
        var column: Int
    }

    private let words: ArraySlice<Word>
    private var position = 0
    private let endColumn: Int

    /// More than any sensible limit takes, so that a mistaken file costs no time.
    private static let lengthMax = 200

    init(_ text: some StringProtocol) {
        var words: [Word] = []
        let scalars = Array(text.unicodeScalars.prefix(Self.lengthMax))
        var index = 0
        while index < scalars.count {
            let start = index
            let isDigit = scalars[index].isDigit
            index += 1
            if scalars[start].properties.isWhitespace { continue }
            if isDigit {
                while index < scalars.count, scalars[index].isDigit || scalars.isGrouping(index) { index += 1 }
            } else if scalars[start].properties.isAlphabetic {
                while index < scalars.count, scalars[index].properties.isAlphabetic { index += 1 }
            }
            var word = String.UnicodeScalarView()
            word.append(contentsOf: scalars[start..<index])
            words.append(Word(text: String(word).lowercased(), column: start + 1))
        }
        self.words = words[...]
        endColumn = scalars.count + 1
    }

    private var next: Word? { position < words.count ? words[position] : nil }
    private var nextColumn: Int { next?.column ?? endColumn }

    /// "the line ends here", or which word stands there instead of what was expected.
    private func unexpected(_ expectation: String, among known: [String]) -> LimitError {
        guard let next else {
            return LimitError(column: endColumn, reason: "the limit ends here", hint: expectation)
        }
        let nearest = Spelling.nearest(to: next.text, among: known)
        return LimitError(
            column: next.column, reason: "\"\(next.text)\" is not known here",
            hint: nearest.map { "did you mean \"\($0)\"?" } ?? expectation)
    }

    mutating func number() throws(LimitError) -> (value: Int64, column: Int) {
        guard let word = next, word.text.unicodeScalars.first?.isDigit == true else {
            throw LimitError(
                column: nextColumn, reason: "a limit begins with a number", hint: "such as 1000 recipients per day")
        }
        position += 1
        let groups = word.text.split(separator: ",", omittingEmptySubsequences: false)
            .flatMap { $0.split(separator: "_", omittingEmptySubsequences: false) }
        guard groups.count == 1 || groups[0].count <= 3 && groups.dropFirst().allSatisfy({ $0.count == 3 }) else {
            throw LimitError(
                column: word.column, reason: "\(word.text) is not grouped by thousands",
                hint: "such as 24,000 or 24_000")
        }
        guard let value = Int64(groups.joined()) else {
            throw LimitError(column: word.column, reason: "the number is too large", hint: "at most \(Int64.max)")
        }
        if next?.text == "." {
            let units = Size.units.map { $0.name.lowercased() }
            let isSize = words.dropFirst(position).contains { units.contains($0.text) }
            throw LimitError(
                column: nextColumn, reason: "a limit is a whole number",
                hint: isSize ? "a smaller unit says it: 1500 MB" : "leave out the fraction, such as 1000")
        }
        return (value, word.column)
    }

    mutating func quantity() throws(LimitError) -> (quantity: Limit.Quantity, unit: Int64) {
        let counted = Limit.Quantity.allCases.filter { $0 != .octets }
        let word = next?.text ?? ""
        if let quantity = counted.first(where: { $0.word == word || $0.word.dropLast() == word }) {
            position += 1
            return (quantity, 1)
        }
        if let unit = Size.units.first(where: { $0.name.lowercased() == word }) {
            position += 1
            return (.octets, unit.octets)
        }
        throw unexpected(
            "messages, recipients, refusals, connections, or a unit: KB, MB, GB, KiB, MiB, GiB",
            among: counted.map(\.word) + Size.units.dropLast().map { $0.name.lowercased() })
    }

    mutating func window(of quantity: Limit.Quantity) throws(LimitError) -> Limit.Window {
        let possible = quantity.windows
        let hint = "\(quantity.word) per \(possible.map(\.rawValue).joined(separator: " or "))"
        guard next?.text == "per" else {
            if possible == [.concurrent] { return .concurrent }
            throw unexpected("say per what: \(hint)", among: ["per"])
        }
        if possible == [.concurrent] {
            throw LimitError(
                column: nextColumn, reason: "connections are counted at one time", hint: "leave out \"per …\"")
        }
        position += 1
        let word = next?.text ?? ""
        let named = [Limit.Window.message, .hour, .day].first { $0.rawValue == word || $0.rawValue + "s" == word }
        guard let named else { throw unexpected(hint, among: ["message", "hour", "day"]) }
        guard possible.contains(named) else {
            throw LimitError(
                column: nextColumn, reason: "\(quantity.word) are not limited per \(named.rawValue)", hint: hint)
        }
        position += 1
        return named
    }

    mutating func options(
        of quantity: Limit.Quantity, per window: Limit.Window
    ) throws(LimitError) -> (calendar: Bool, excess: Limit.Excess?) {
        let known = ["rolling", "calendar"] + Limit.Excess.allCases.map(\.rawValue)
        var calendar: Bool?
        var excess: Limit.Excess?
        while next != nil {
            guard next?.text == "," else { throw unexpected("a comma stands before each option", among: []) }
            position += 1
            guard let word = next else { throw unexpected("an option follows a comma", among: known) }
            switch word.text {
            case "rolling", "calendar":
                guard window == .hour || window == .day else {
                    throw LimitError(
                        column: word.column, reason: "only hours and days can be \(word.text)",
                        hint: "leave out \"\(word.text)\"")
                }
                guard calendar == nil else { throw repeated(word, "rolling or calendar") }
                calendar = word.text == "calendar"
            default:
                guard let named = Limit.Excess(rawValue: word.text) else {
                    throw unexpected("rolling or calendar; defer, reject or observe", among: known)
                }
                guard excess == nil else { throw repeated(word, "defer, reject or observe") }
                excess = named
            }
            position += 1
        }
        if excess == .deferral, quantity == .octets, window == .message {
            throw LimitError(
                column: words.last?.column ?? endColumn, reason: "a message that is too large never fits later",
                hint: "reject or observe")
        }
        if excess == .rejection, quantity == .recipients, window == .message {
            throw LimitError(
                column: words.last?.column ?? endColumn, reason: "the other recipients fit into another message",
                hint: "leave out \"reject\": they are told 452, and clients send them the rest; or observe")
        }
        return (calendar ?? false, excess)
    }

    private func repeated(_ word: Word, _ choice: String) -> LimitError {
        LimitError(column: word.column, reason: "\"\(word.text)\" is one too many", hint: "\(choice), once")
    }
}

extension Unicode.Scalar {
    fileprivate var isDigit: Bool { ("0"..."9").contains(self) }
}

extension [Unicode.Scalar] {
    /// Whether a digit's neighbour groups thousands: a separator that another digit follows.
    fileprivate func isGrouping(_ index: Int) -> Bool {
        (self[index] == "_" || self[index] == ",") && index + 1 < count && self[index + 1].isDigit
    }
}
