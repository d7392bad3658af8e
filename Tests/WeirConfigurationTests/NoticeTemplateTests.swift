import TestKit
import Testing
import WeirConfiguration

@Suite("Templates of notices")
struct NoticeTemplateTests {
    /// Loads a folder of templates, or the errors in it without the folder's own name.
    private static func load(_ files: [String: String]) throws -> Result<[NoticeName: NoticeTemplate], Errors> {
        let folder = try TemporaryFolder()
        for (name, text) in files { try folder.write(text, to: name) }
        do throws(ConfigurationErrors) {
            return .success(try NoticeTemplate.load(folder.path))
        } catch {
            return .failure(Errors(lines: error.errors.map { "\($0)".replacing(folder.path + "/", with: "") }))
        }
    }

    private struct Errors: Error, Equatable { let lines: [String] }

    @Test("hold facts in braces, which are filled; two braces are one")
    func fill() throws {
        let text = "Subject: {account} {{x}}\nReply-To: desk@isp.example\n\nUsed {used} of {allowed}.\n\nBye\n"
        let name = "warned-day-80-subscriber.txt"
        let templates = try NoticeTemplateTests.load([name: text, "README": "no template"]).get()
        let mark = NoticeName.Mark(window: "day", percent: 80)
        let template = try #require(templates[NoticeName(.warned, mark: mark, for: .subscriber)])
        let filled = template.fill([.account: "bob", .used: "80", .allowed: "100"])
        #expect(filled.subject == "bob {x}")
        #expect(filled.body == "Used 80 of 100.\n\nBye\n")
        #expect(template.fields.map(\.name) == ["Reply-To"])
        #expect(template.fields.map(\.value) == ["desk@isp.example"])
    }

    @Test(
        "are refused with file, line and column",
        arguments: [
            (
                "Subject: x\n\nHello {acount}\n",
                "flagged-desk.txt:3:7: \"acount\" is no fact of this notice: did you mean \"account\"?"
            ),
            (
                "Subject: {used}\n\nHello\n",
                "flagged-desk.txt:1:10: \"used\" is no fact of this notice: known here: "
                    + "account, hostname, contact, time, id, author, reason"
            ),
            (
                "Subject: x\n\na { b\n",
                "flagged-desk.txt:3:3: a brace without its other half: write two for one that means itself"
            ),
            (
                "Subject: x\n\na } b\n",
                "flagged-desk.txt:3:3: a brace without its other half: write two for one that means itself"
            ),
            (
                "Hello: x\n\nyou\n",
                "flagged-desk.txt:1:1: \"Hello\" is no field of a template: "
                    + "known here: Subject, Content-Language, Reply-To"
            ),
            ("Subject: x\nSubject: y\n\nyou\n", "flagged-desk.txt:2:1: a second Subject"),
            ("Subject: x\n", "flagged-desk.txt:2:1: it says nothing: the text follows the header's empty line"),
        ])
    func refused(text: String, error: String) throws {
        guard case .failure(let errors) = try NoticeTemplateTests.load(["flagged-desk.txt": text]) else {
            Issue.record("it was taken")
            return
        }
        #expect(errors.lines.contains(error), "\(errors.lines)")
    }

    @Test(
        "are named after what they tell, and no other",
        arguments: [
            "warned-subscriber.txt", "warned-month-80-desk.txt", "warned-day-080-desk.txt", "warned-day-0-desk.txt",
            "suspended-day-80-desk.txt", "suspended-boss.txt", "suspended.txt",
        ])
    func names(name: String) throws {
        let outcome = try NoticeTemplateTests.load([name: "Subject: x\n\ny\n"])
        guard case .failure(let errors) = outcome else {
            Issue.record("it was taken")
            return
        }
        #expect(errors.lines.first?.hasPrefix("\(name): no notice has this name") == true)
    }

    @Test("that are shipped can be used, one for each reader and event")
    func shipped() throws {
        let templates = try NoticeTemplate.load(samples + "/notices")
        for kind in EventKind.allCases where kind != .warned {
            for audience in NoticeName.Audience.allCases {
                #expect(templates[NoticeName(kind, for: audience)] != nil, "\(kind) \(audience)")
            }
        }
        for window in ["hour", "day"] {
            for percent in [80, 100] {
                let mark = NoticeName.Mark(window: window, percent: percent)
                #expect(templates[NoticeName(.warned, mark: mark, for: .subscriber)] != nil, "\(mark)")
            }
        }
    }
}
