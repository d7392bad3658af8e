import Foundation
import TestKit
import Testing

@Suite("The operator's manual") struct DocumentationTests {
    private let manual = text(of: repository + "/Sources/Documentation/OPERATIONS.md")

    @Test("has every event that is logged, and every key of its lines")
    func events() throws {
        let call = /log\.(?:info|warning|error)\(\s*"([^"]+)"/
        let key = /"([a-z_]+)": \.(?:string|int|unsigned|octets|span|bool)\(/
        var events = 0
        for folder in ["WeirGateway", "WeirAdmin"] {
            let path = "\(repository)/Sources/\(folder)"
            let files = try FileManager.default.subpathsOfDirectory(atPath: path).filter { $0.hasSuffix(".swift") }
            for file in files {
                let source = text(of: "\(path)/\(file)")
                for match in source.matches(of: call) {
                    events += 1
                    #expect(manual.contains("`\(match.1)`"), "event \(match.1) of \(file)")
                }
                guard source.contains(call) else { continue }
                for match in source.matches(of: key) where match.1 != "id" || file.hasPrefix("Session") {
                    #expect(manual.contains("`\(match.1)`"), "key \(match.1) of \(file)")
                }
            }
        }
        #expect(events > 10)
    }

    @Test("has a heading for every alert")
    func runbook() {
        let alerts = text(of: repository + "/Dashboards/alerts.yml")
        let headings = alerts.matches(of: /runbook: (.+)/).map { String($0.1) }
        #expect(headings.count > 10)
        for heading in headings { #expect(manual.contains("\n### \(heading)\n"), "\(heading)") }
    }
}
