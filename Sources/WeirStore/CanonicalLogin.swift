/// The one spelling of a login that counts: all spellings of it are the same account.
///
/// Surrounding space goes, letters become small, full-width forms become ASCII, a letter and its accent become one
/// character, dots after the domain go. `user+tag` stays what it is: it may be a login of its own. What would leave two
/// spellings apart that look alike, is no login: controls, invisible characters, inner space, accents without a
/// composed form.
package struct CanonicalLogin: Hashable, Sendable {
    /// The longest login, in octets of UTF-8, before and after.
    package static let octetsMax = 255

    package let key: String

    /// Nil when the text is no login.
    package init?(_ text: String) {
        guard text.utf8.count <= Self.octetsMax else { return nil }
        let trimmed = Self.trimmed(text.unicodeScalars)
        var folded = ""
        for scalar in trimmed { folded += Self.folded(scalar) }
        var key = String(folded.map(Self.composed))
        guard key.unicodeScalars.allSatisfy(Self.isAllowed) else { return nil }
        if let at = key.lastIndex(of: "@") {
            while key.hasSuffix(".") { key.removeLast() }
            guard at != key.startIndex, key.index(after: at) != key.endIndex else { return nil }
        }
        guard !key.isEmpty, key.utf8.count <= Self.octetsMax else { return nil }
        self.key = key
    }

    private static func trimmed(_ text: String.UnicodeScalarView) -> Substring.UnicodeScalarView {
        guard let first = text.firstIndex(where: { !$0.properties.isWhitespace }),
            let last = text.lastIndex(where: { !$0.properties.isWhitespace })
        else { return Substring.UnicodeScalarView() }
        return text[first...last]
    }

    /// The small letter, the same for all forms of one.
    private static func folded(_ scalar: Unicode.Scalar) -> String {
        switch scalar.value {
        case 0xFF01...0xFF5E: Unicode.Scalar(scalar.value - 0xFEE0).map(folded) ?? ""
        case 0x3C2: "\u{3C3}"  // final sigma
        case 0x17F: "s"  // long s
        default: scalar.properties.lowercaseMapping
        }
    }

    /// The single scalar that a letter with its accents is, where there is one.
    ///
    /// Characters compare by canonical equivalence, so the set finds a decomposed spelling.
    private static func composed(_ character: Character) -> Character {
        guard !character.isASCII, let index = compositions.firstIndex(of: character) else { return character }
        return compositions[index]
    }

    /// Latin, Greek, Cyrillic, kana and Hangul letters with their marks.
    private static let compositions: Set<Character> = {
        var set: Set<Character> = []
        for range in [0xC0...0x24F, 0x386...0x3CE, 0x400...0x4F9, 0x1E00...0x1FFC, 0x3041...0x30FA, 0xAC00...0xD7A3] {
            for value in range { Unicode.Scalar(UInt32(value)).map { _ = set.insert(Character($0)) } }
        }
        return set
    }()

    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return (0x21...0x7E).contains(scalar.value) }
        // Accents that found no letter: two orders of them would be two logins that look alike.
        if (0x300...0x36F).contains(scalar.value) { return false }
        let properties = scalar.properties
        if properties.isDefaultIgnorableCodePoint || properties.isWhitespace { return false }
        switch properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: return false
        default: return true
        }
    }
}
