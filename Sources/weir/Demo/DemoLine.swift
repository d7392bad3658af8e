/// One line for a terminal: text in styles, cut to a width.
struct DemoLine {
    /// What a piece of text stands out by, as SGR parameters.
    enum Style: String {
        case plain = ""
        case bold = "1"
        case dim = "2"
        case red = "31;1"
        case green = "32"
        case yellow = "33"
        case cyan = "36"
    }

    private(set) var pieces: [(text: String, style: Style)] = []
    var width: Int { pieces.reduce(0) { $0 + $1.text.count } }

    init() {}
    init(_ text: String, _ style: Style = .plain) { add(text, style) }

    mutating func add(_ text: String, _ style: Style = .plain) { pieces.append((text, style)) }

    /// Fills with spaces up to a column.
    mutating func pad(to column: Int) { add(String(repeating: " ", count: max(0, column - width))) }

    /// The line for a terminal of `width` columns.
    func text(width: Int, colour: Bool) -> String {
        var room = width
        var text = ""
        for piece in pieces where room > 0 {
            let shown = piece.text.prefix(room)
            room -= shown.count
            let isStyled = colour && piece.style != .plain
            text += isStyled ? "\u{1B}[\(piece.style.rawValue)m\(shown)\u{1B}[0m" : String(shown)
        }
        return text
    }

    /// Breaks a text at spaces into lines of `width` columns; a longer word stands alone.
    static func wrap(_ text: String, to width: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if !line.isEmpty, line.count + 1 + word.count > width {
                lines.append(line)
                line = ""
            }
            line += line.isEmpty ? String(word) : " " + word
        }
        return lines + [line]
    }
}
