import Foundation
import TestKit
import Testing

@Suite("The mutations")
struct MutationTests {
    /// One that does not fit any more shows nothing, and nobody runs them every day.
    @Test("each fits the tree as it stands, to the line of context")
    func fit() throws {
        let folder = repository + "/Tests/mutations"
        let patches = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".patch") }
        #expect(!patches.isEmpty)
        for patch in patches.sorted() {
            let outcome = try Program.run(
                "patch", ["-d", repository, "-p1", "--dry-run", "--fuzz=0", "-s", "-i", "\(folder)/\(patch)"])
            #expect(outcome.status == 0, "\(patch): \(outcome.output)\(outcome.errors)")
        }
    }
}
