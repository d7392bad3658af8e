import WeirSMTP

/// The octets of a text, one for each scalar up to U+00FF where `latin` is meant, else UTF-8.
func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

/// Octets as text for comparison and for messages.
func text(_ octets: some Sequence<UInt8>) -> String { String(decoding: Array(octets), as: UTF8.self) }

extension Command {
    /// Decodes a line, or says why not.
    static func decode(_ line: String) -> Result<Command, CommandError> {
        decode(octets(line))
    }

    static func decode(_ line: [UInt8]) -> Result<Command, CommandError> {
        do throws(CommandError) {
            return .success(try Command(line.span))
        } catch {
            return .failure(error)
        }
    }
}

/// A small generator with a seed (SplitMix64), for tests that draw.
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }
}

/// Every way to cut an input once, and all its octets one by one.
func tears(of count: Int) -> [[Int]] {
    (0...count).map { [$0, count] } + [Array(0...count)]
}
