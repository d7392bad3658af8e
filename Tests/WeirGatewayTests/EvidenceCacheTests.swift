import Testing
import WeirBase
import WeirGateway
import WeirQuota
import WeirReputation

@Suite("Evidence in memory") struct EvidenceCacheTests {
    @Test("goes when two generations of accounts came after it, unless it is not saved")
    func generations() {
        var cache = EvidenceCache()
        let evidence = Dossier(account: AccountEvidence(at: Instant(nanoseconds: 0)), machines: Machines())
        let unsaved = [SubjectID(number: 2): 1 as UInt64]
        for number in UInt32(1)...UInt32(2 * EvidenceCache.generationMax + 2) {
            cache.keep(evidence, of: SubjectID(number: number), unsaved)
        }
        #expect(cache[SubjectID(number: 1)] == nil)
        #expect(cache[SubjectID(number: 2)] == evidence)
        #expect(cache[SubjectID(number: UInt32(EvidenceCache.generationMax) + 1)] == evidence)
        #expect(cache.take(SubjectID(number: 2)) == evidence)
        #expect(cache[SubjectID(number: 2)] == nil)
    }

    @Test("of an office counts as much as its machines")
    func offices() {
        var cache = EvidenceCache()
        let evidence = AccountEvidence(at: Instant(nanoseconds: 0))
        let machines = (1...3 as ClosedRange<UInt64>).map { Machines.Machine(name: $0, turn: $0, evidence: evidence) }
        let office = Dossier(account: evidence, machines: Machines(machines))
        let last = UInt32(EvidenceCache.generationMax / 4)
        for number in 1...last { cache.keep(office, of: SubjectID(number: number), [SubjectID: UInt64]()) }
        for number in 1...last {
            cache.keep(
                cache.take(SubjectID(number: number)) ?? Dossier(), of: SubjectID(number: number), [SubjectID: UInt64]()
            )
        }
        #expect(cache.count == Int(last), "taking and keeping counts nothing twice")
        for number in last + 1...2 * last + 1 {
            cache.keep(office, of: SubjectID(number: number), [SubjectID: UInt64]())
        }
        #expect(!cache.knows(SubjectID(number: 1)))
        #expect(cache.knows(SubjectID(number: last + 1)))
    }
}
