import Testing
import WeirBase
import WeirReputation

/// What is stored must be read by the next version, or told apart from what it stores itself.
@Suite("Layouts of what is stored")
struct LayoutTests {
    private static let now = Instant(nanoseconds: 20_000 * .day + 7)

    /// One of each kind, with something in every field.
    private static func records() -> [ObservationRecord] {
        var content = ContentFacts(fingerprint: 0x0123_4567_89AB_CDEF)
        (content.octets, content.links, content.linkDomains) = (70_000, 3, [5, 1 << 60])
        (content.isHTML, content.hasUnsubscribe, content.headerFrom) = (true, true, 9)
        let facts = MessageFacts(
            id: 1, account: 2, recipients: [3, .max, 1 << 40], network: 4, country: 6, name: 7, sender: 8,
            content: content, scannerScore: 6.25)
        var story = Story()
        story.terms.opened = Instant(nanoseconds: 19_990 * .day)
        story.live(days: 5)
        let judgement = story.accounts[0].judge(
            facts, terms: story.terms, surroundings: &story.surroundings, at: story.now)
        let findings = Judgements(machine: judgement, account: judgement).findings
        var short = facts
        short.content = nil
        let outcome = Outcome(recipients: [.accepted, .unknown, .deferred], isTaken: false)
        let observations: [Observation] = [
            .message(facts), .message(short), .outcome(outcome, of: facts, after: findings),
            .outcome(
                Outcome(recipients: [], isTaken: nil), of: short, after: MessageFindings(account: nil)),
            .failedLogin, .capReached, .complaint(of: 77), .release,
        ]
        return observations.enumerated().map { number, observation in
            var terms = story.terms
            (terms.isByNetwork, terms.mode) = (
                number % 2 == 1, Mode.allCases[number % Mode.allCases.count]
            )
            return ObservationRecord(
                account: UInt32(number), time: now, terms: terms, observation: observation)
        }
    }

    @Test("are those of their version: who changes one raises its number, and gives the new sum here")
    func sums() {
        var story = Story(seed: 2)
        for step in 0..<200 as Range<UInt64> {
            let people = step % 40 == 7 ? story.strangers(60) : [story.friend()]
            let isOdd = step % 9 == 0
            story.send(
                .init(
                    people: people, network: isOdd ? step : 1, name: isOdd ? step : 1, score: isOdd ? 9 : -4,
                    replies: people.map { _ in isOdd ? .unknown : .accepted }, isTaken: !isOdd,
                    domains: [step]))
            story.wait(3 * .hour)
        }
        let hash = KeyedHash(key: (1, 2))
        let evidence = story.accounts[0].encoded()
        #expect(hash(evidence.span) == 4_259_918_877_383_765_438)
        let surroundings = story.surroundings.encoded()
        #expect(hash(surroundings.span) == 12_477_353_580_805_633_253)
        let records = Self.records().flatMap { $0.encoded() }
        #expect(hash(records.span) == 15_917_949_327_157_717_436)
    }

    @Test("keep an observation whole", arguments: Self.records())
    func observations(record: ObservationRecord) throws {
        let octets = record.encoded()
        #expect(try ObservationRecord(decoding: octets) == record)
        for count in 0..<octets.count {
            #expect(throws: EvidenceError.damaged) {
                try ObservationRecord(decoding: Array(octets[..<count]))
            }
        }
        for cut in 0..<(octets.count - 9) {
            let shorter = Blob.sealed(Array(octets[...cut]))
            #expect(throws: EvidenceError.damaged) { try ObservationRecord(decoding: shorter) }
        }
    }
}
