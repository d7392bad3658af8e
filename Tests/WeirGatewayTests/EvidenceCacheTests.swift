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
        let found = [1, 2, UInt32(EvidenceCache.generationMax) + 1].map { cache[SubjectID(number: $0)] }
        #expect(found == [nil, evidence, evidence])
    }

    @Test("is changed where it lies, and then was used")
    func change() {
        var cache = EvidenceCache()
        let unsaved: [SubjectID: UInt64] = [:]
        let evidence = AccountEvidence(at: Instant(nanoseconds: 0))
        for number in UInt32(1)...UInt32(2 * EvidenceCache.generationMax) {
            cache.keep(Dossier(), of: SubjectID(number: number), unsaved)
            let former = cache.change(SubjectID(number: 1), unsaved) { dossier in
                defer { dossier = Dossier(account: evidence, machines: Machines()) }
                return dossier.account
            }
            #expect(former == (number == 1 ? nil : evidence))
        }
        let (first, second) = (cache.knows(SubjectID(number: 1)), cache.knows(SubjectID(number: 2)))
        #expect(first && !second)
    }

    @Test("of an office counts as much as its machines")
    func offices() {
        var cache = EvidenceCache()
        let evidence = AccountEvidence(at: Instant(nanoseconds: 0))
        let machines = (1...3 as ClosedRange<UInt64>).map { Machines.Machine(name: $0, turn: $0, evidence: evidence) }
        let office = Dossier(account: evidence, machines: Machines(machines))
        let last = UInt32(EvidenceCache.generationMax / 4)
        for number in 1...last {
            cache.keep(office, of: SubjectID(number: number), [SubjectID: UInt64]())
        }
        for number in 1...last {
            for machines in [Machines(), Machines(machines)] {
                cache.change(SubjectID(number: number), [SubjectID: UInt64]()) { dossier in
                    dossier = Dossier(account: evidence, machines: machines)
                }
            }
        }
        let count = cache.count
        #expect(count == Int(last), "a change counts nothing twice")
        for number in last + 1...2 * last + 1 {
            cache.keep(office, of: SubjectID(number: number), [SubjectID: UInt64]())
        }
        let (first, later) = (
            cache.knows(SubjectID(number: 1)), cache.knows(SubjectID(number: last + 1))
        )
        #expect(!first && later)
    }
}
