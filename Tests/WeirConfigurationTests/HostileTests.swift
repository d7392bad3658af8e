import Foundation
import Testing
import WeirConfiguration

@Suite("Files that mean harm")
struct HostileTests {
    private func errors(_ octets: [UInt8]) -> [ConfigurationError] {
        do throws(ConfigurationErrors) {
            _ = try Configuration.parse(octets, file: "weir.yaml")
            return []
        } catch {
            return error.errors
        }
    }

    @Test("a key or value of a megabyte is told in a line")
    func long() {
        let word = String(repeating: "x", count: 1 << 20)
        for text in [
            "\(word): 1", "hostname: \(word)", "hostname: [\(word)]", "timezone: \(word)", "log: { level: \(word) }",
        ] {
            let found = errors(Array(text.utf8))
            #expect(!found.isEmpty)
            #expect(found.allSatisfy { $0.description.utf8.count < 500 && !$0.description.contains("\n") })
        }
    }

    @Test("what a file says cannot break a line of the errors, or speak to the terminal")
    func control() {
        let found = errors(Array("hostname: \"a\\nb\\e[31m\\u2028c\\0\"".utf8))
        let message = found.map(\.description).joined()
        #expect(message.contains("found \"a b [31m c \""))
        #expect(!message.unicodeScalars.contains { $0.properties.generalCategory == .control || $0.value == 0x2028 })
    }

    @Test("a hundred errors are told, and that there are more", arguments: [99, 100, 101, 5_000])
    func many(count: Int) {
        // Each is one unknown key; what is missing makes up the rest.
        let missing = errors(Array("{}".utf8)).count
        let text = (0..<count - missing).map { "k\($0): 1\n" }.joined()
        let found = errors(Array(text.utf8))
        #expect(found.count == min(count, 101))
        #expect(found.first?.message.hasPrefix("more than 100 errors") == (count > 100))
    }

    @Test(
        "the sample with octets changed, lost, doubled and moved gives errors, never a trap",
        arguments: 1...20 as ClosedRange<UInt64>)
    func mutations(seed: UInt64) throws {
        let sample = try Array(Data(contentsOf: URL(fileURLWithPath: samples + "/weir.yaml")))
        // Without its comments, most changes hit something that is read.
        let text = sample.split(separator: UInt8(ascii: "\n")).filter { !$0.starts(with: "#".utf8) }.joined(separator: [
            10
        ])
        var random = SplitMix(state: seed)
        for _ in 0..<40 {
            var mutant = Array(text)
            for _ in 0..<Int.random(in: 1...8, using: &random) { mutate(&mutant, &random) }
            for error in errors(mutant) {
                #expect(error.place.file == "weir.yaml", "seed \(seed)")
                #expect(error.place.line >= 1 && error.place.column >= 1, "seed \(seed): \(error)")
            }
        }
    }

    private func mutate(_ text: inout [UInt8], _ random: inout SplitMix) {
        guard text.count > 16 else { return }
        let position = Int.random(in: 0..<text.count - 8, using: &random)
        let other = Int.random(in: 0..<text.count - 8, using: &random)
        switch Int.random(in: 0..<6, using: &random) {
        case 0: text[position] = UInt8.random(in: 0...255, using: &random)
        case 1: text.remove(at: position)
        case 2: text.insert(contentsOf: text[other..<other + 8], at: position)
        case 3: text.removeSubrange(position..<position + 8)
        case 4: text[position] = Array("[]{}:,-&*!|>'\"%@`#?\t\n ".utf8).randomElement(using: &random) ?? 0
        default: text.swapAt(position, other)
        }
    }
}

/// A generator that repeats itself for a seed.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
