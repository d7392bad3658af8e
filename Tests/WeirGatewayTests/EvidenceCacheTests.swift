import Testing
import WeirBase
import WeirGateway
import WeirQuota
import WeirReputation

@Suite("Evidence in memory") struct EvidenceCacheTests {
    @Test("goes when two generations of accounts came after it, unless it is not saved")
    func generations() {
        var cache = EvidenceCache()
        let evidence = AccountEvidence(at: Instant(nanoseconds: 0))
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
}
