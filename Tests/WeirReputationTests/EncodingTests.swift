import TestKit
import Testing
import WeirBase
import WeirReputation

@Suite("Evidence in octets")
struct EncodingTests {
    /// A life with something of everything.
    private static func life(seed: UInt64, steps: Int, restartEvery: Int? = nil) -> Story {
        var story = Story(seed: seed)
        var chance = Seeded(seed)
        story.terms = seed % 3 == 0 ? .bulk : .consumer
        story.terms.isByNetwork = seed % 4 == 1
        for step in 0..<steps {
            var letter = Story.Letter()
            letter.people = chance.next() % 3 == 0 ? story.strangers(Int(chance.next() % 30)) : [story.friend()]
            letter.network = chance.next() % 5 == 0 ? chance.next() % 40 : 1
            letter.name = chance.next() % 5 == 0 ? chance.next() % 90 : 1
            letter.score = Double(chance.next() % 20) - 12
            letter.replies = letter.people.map { _ in RecipientReply(rawValue: UInt8(chance.next() % 16)) ?? .accepted }
            letter.isTaken = chance.next() % 12 != 0
            story.send(letter)
            story.wait(chance.next() % (3 * .hour))
            if story.isSuspended, chance.next() % 4 == 0 {
                story.accounts[0].release(terms: story.terms, at: story.now)
            }
            if let restartEvery, step % restartEvery == 0,
                let copy = try? AccountEvidence(decoding: story.accounts[0].encoded())
            {
                story.accounts[0] = copy
            }
        }
        return story
    }

    @Test("of what accounts share are the same again, and of the former version all but the row of refusals")
    func surroundings() throws {
        var story = Self.life(seed: 5, steps: 100)
        story.surroundings.climate.hear(Outcome(recipients: [.unknown, .refused], isTaken: nil))
        let octets = story.surroundings.encoded()
        #expect(try Surroundings(decoding: octets) == story.surroundings)
        let former = try Surroundings(decoding: Blob.sealed([1] + octets[1..<octets.count - 8 - 4]))
        #expect(former != story.surroundings)
        story.surroundings.climate.hear(Outcome(recipients: [.accepted], isTaken: true))
        #expect(former == story.surroundings)
    }

    @Test("are the same evidence again", arguments: 1...12 as ClosedRange<UInt64>)
    func identity(seed: UInt64) throws {
        let story = Self.life(seed: seed, steps: 400)
        let octets = story.accounts[0].encoded()
        #expect(octets.count <= AccountEvidence.encodedOctetsMax)
        let copy = try AccountEvidence(decoding: octets)
        #expect(copy == story.accounts[0], "seed \(seed)")
        #expect(copy.encoded() == octets)
    }

    @Test("decide the same after a restart at any point", arguments: 1...12 as ClosedRange<UInt64>, [1, 7])
    func restart(seed: UInt64, every: Int) {
        let one = Self.life(seed: seed, steps: 250)
        let other = Self.life(seed: seed, steps: 250, restartEvery: every)
        #expect(one.verdicts == other.verdicts, "seed \(seed)")
        #expect(one.accounts == other.accounts, "seed \(seed)")
    }

    @Test("are at most 8 KiB, whatever is sent")
    func size() {
        var story = Story()
        story.terms = .bulk
        story.terms.isByNetwork = true
        for step in 0..<9_000 as Range<UInt64> {
            story.send(.init(people: [story.stranger()], network: step, name: step, text: 1 + step % 50))
            if step % 2_000 == 0 { story.wait(.day) }
        }
        story.terms.isByNetwork = false
        for step in 0..<50 as Range<UInt64> { story.send(.init(people: [story.friend()], network: step, name: step)) }
        let octets = story.accounts[0].encoded().count
        #expect(octets <= AccountEvidence.encodedOctetsMax)
        #expect(octets > 6_000, "the filters are full")
    }

    @Test("a changed bit is found, and never traps")
    func flips() {
        let octets = Self.life(seed: 5, steps: 3).accounts[0].encoded()
        for bit in 0..<(octets.count * 8) {
            var damaged = octets
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(throws: EvidenceError.damaged) { try AccountEvidence(decoding: damaged) }
        }
        for count in stride(from: 0, to: octets.count, by: 13) {
            #expect(throws: EvidenceError.damaged) { try AccountEvidence(decoding: Array(octets[..<count])) }
        }
    }

    @Test(
        "any octets with a right checksum throw, or are evidence that can be used",
        arguments: 1...300 as ClosedRange<UInt64>)
    func hostile(seed: UInt64) {
        var chance = Seeded(seed)
        var octets = Self.life(seed: seed % 7, steps: 30).accounts[0].encoded().dropLast(8)
        for _ in 0..<(1 + chance.next() % 40) {
            octets[1 + Int(chance.next() % UInt64(octets.count - 1))] =
                chance.next() % 2 == 0 ? 0xFF : UInt8(chance.next() % 256)
        }
        guard let evidence = try? AccountEvidence(decoding: Blob.sealed(Array(octets))) else { return }
        var story = Story(seed: seed)
        story.accounts[0] = evidence
        story.live(days: 3)
        for network in 0..<30 as Range<UInt64> {
            story.send(.init(people: story.strangers(20), network: network, name: network, score: 9, isTaken: false))
            story.wait(network * network * .minute)
        }
        story.accounts[0].release(terms: story.terms, at: story.now)
        _ = story.accounts[0].encoded()
    }

    @Test("of another version are told apart from damage")
    func version() {
        var octets = Array(AccountEvidence(at: Instant(nanoseconds: 0)).encoded().dropLast(8))
        octets[0] = 77
        #expect(throws: EvidenceError.version(77)) { try AccountEvidence(decoding: Blob.sealed(octets)) }
    }
}
