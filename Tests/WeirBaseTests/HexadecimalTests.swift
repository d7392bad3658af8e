import Testing
import WeirBase

@Suite("Hexadecimal digits")
struct HexadecimalTests {
    @Test(
        "spell octets, two digits each, or nothing",
        arguments: [
            ("", []), ("00", [0]), ("fF09aB", [0xFF, 0x09, 0xAB]), ("0", nil), ("abc", nil), ("0g", nil), (" 0", nil),
            ("0x", nil), ("@A", nil), ("0/", nil), ("0:", nil), ("0`", nil), ("\u{E4}", nil),
        ] as [(String, [UInt8]?)])
    func octets(text: String, octets: [UInt8]?) { #expect([UInt8](hexadecimal: text.utf8) == octets) }
}
