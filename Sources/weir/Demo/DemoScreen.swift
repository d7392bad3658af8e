import Glibc

/// The terminal, drawn anew a few times a second, on a page of its own that is gone afterwards.
struct DemoScreen {
    private let colour: Bool

    init() { colour = DemoScreen.usesColour }

    /// Source: no-color.org.
    static var usesColour: Bool {
        if let variable = getenv("NO_COLOR"), variable.pointee != 0 { return false }
        if let terminal = getenv("TERM"), String(cString: terminal) == "dumb" { return false }
        return true
    }

    /// Whether a person looks on, with a terminal that can be drawn on.
    static var isPossible: Bool {
        guard isatty(1) == 1, let terminal = getenv("TERM") else { return false }
        return String(cString: terminal) != "dumb"
    }

    static var size: (rows: Int, columns: Int) {
        // The kernel's struct winsize.
        var size: (rows: UInt16, columns: UInt16, width: UInt16, height: UInt16) = (0, 0, 0, 0)
        guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.rows > 0, size.columns > 0 else { return (24, 80) }
        return (Int(size.rows), Int(size.columns))
    }

    /// Takes the alternate page and hides the cursor.
    @discardableResult
    func open() -> Bool { DemoOutput.write("\u{1B}[?1049h\u{1B}[?25l") }

    @discardableResult
    func close() -> Bool { DemoOutput.write("\u{1B}[?25h\u{1B}[?1049l") }

    /// Draws a picture with the latest events and, below, what to try; false when nobody takes it any more.
    func draw(_ picture: DemoPicture, _ events: [DemoEvent], _ hints: [DemoLine]) -> Bool {
        let (rows, columns) = DemoScreen.size
        var lines = [picture.header(), DemoLine()] + picture.table(width: columns) + [DemoLine(), picture.facts()]
        // A small terminal has room for what happens, or for all that may be tried.
        let below = [DemoLine()] + hints.prefix(rows < 30 ? 2 : hints.count)
        let room = rows - lines.count - below.count - 2
        if room > 0 {
            lines += [DemoLine(), DemoLine(" WHAT CLIENTS ARE TOLD", .bold)]
            var told: [DemoLine] = []
            for event in events.reversed() {
                let more = DemoPicture.lines(of: event, width: columns)
                guard told.count + more.count < room else { break }
                told = more + told
            }
            lines += told + Array(repeating: DemoLine(), count: max(0, room - told.count))
        }
        lines += below
        let shown = lines.prefix(rows).map { $0.text(width: columns, colour: colour) + "\u{1B}[K" }
        return DemoOutput.write("\u{1B}[H" + shown.joined(separator: "\r\n") + "\u{1B}[J")
    }
}

/// Standard output, without a buffer between.
enum DemoOutput {
    /// Writes all of it; false when nobody reads any more.
    @discardableResult
    static func write(_ text: String) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(1, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    static func line(_ line: DemoLine, width: Int = .max, colour: Bool = false) -> Bool {
        write(line.text(width: width, colour: colour) + "\n")
    }
}
