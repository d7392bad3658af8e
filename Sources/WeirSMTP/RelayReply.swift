/// A relay's reply; it lies at the start of the octets it was parsed from, for as long as those stay.
package struct RelayReply: Equatable, Sendable {
    /// Of three digits, the first 2 to 5.
    package var code: UInt16
    /// Of the first line, if it has one.
    package var enhanced: EnhancedCode?
    /// To consume: all lines, CRLF included.
    package var length: Int

    /// 2xx or 3xx.
    package var isPositive: Bool { code < 400 }
    /// 4xx: another try may do.
    package var isTransient: Bool { 400...499 ~= code }
    /// 5xx: the same again would be refused again.
    package var isPermanent: Bool { code >= 500 }
    /// About its connection rather than about the command.
    package var isClosing: Bool { code == 421 }

    /// Calls `body` with the range of each line's text: what is behind the code and its separator.
    package func forEachLine(in octets: Span<UInt8>, _ body: (Range<Int>) -> Void) {
        var start = 0
        while start < length, let end = octets.firstLineEnd(from: start), end < length {
            body(min(start + 4, end)..<end)
            start = end + 2
        }
    }
}

extension RelayReply {
    /// What the client is told: a 421 is about the relay's connection, not the client's.
    package var forwardedCode: UInt16 { isClosing ? 451 : code }

    /// Writes the reply as the client gets it.
    ///
    /// Code and enhanced code stay as they are, unless `code` says otherwise; where the relay gave no enhanced code
    /// X.0.0 is put in, but for 3xx and the greetings' 220 and 221. Of the text, what is not printable ASCII becomes
    /// a question mark.
    package func appendForwarded(from octets: Span<UInt8>, as code: UInt16? = nil, to output: inout [UInt8]) {
        let code = code ?? forwardedCode
        var start = 0
        while start < length, let end = octets.firstLineEnd(from: start), end < length {
            let text = min(start + 4, end)..<end
            if code == self.code, EnhancedCode.scan(octets, text) != nil {
                output.append(printable: octets.extracting(start..<end))
            } else {
                output.append(decimal: UInt64(code))
                output.append(end + 2 < length ? UInt8(ascii: "-") : .space)
                appendText(octets, text, code: code, to: &output)
            }
            output.append("\r\n")
            start = end + 2
        }
    }

    /// The enhanced code, where there is to be one, and the text.
    private func appendText(_ octets: Span<UInt8>, _ text: Range<Int>, code: UInt16, to output: inout [UInt8]) {
        var text = text
        if code / 100 != 3, code != 220, code != 221 {
            let own = EnhancedCode.scan(octets, text)
            var enhanced = own?.code ?? enhanced ?? EnhancedCode(UInt8(code / 100), 0, 0)
            if code / 100 != self.code / 100 { enhanced.category = UInt8(code / 100) }
            text = text.lowerBound + (own?.length ?? 0)..<text.upperBound
            enhanced.append(to: &output)
            output.append(.space)
        }
        output.append(printable: octets.extracting(text))
    }

    /// The reply in one line for a log: printable ASCII, at most `octetsMax` characters.
    package func logText(from octets: Span<UInt8>, octetsMax: Int = 256) -> String {
        var text: [UInt8] = []
        text.append(decimal: UInt64(code))
        forEachLine(in: octets) { line in
            guard text.count < octetsMax else { return }
            text.append(.space)
            text.append(printable: octets.extracting(line), octetsMax: octetsMax - text.count)
        }
        return String(decoding: text, as: UTF8.self)
    }
}
