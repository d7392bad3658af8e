import Foundation
import TestKit
import Testing
import WeirRuntime

@Suite("Dashboards and alerts")
struct DashboardTests {
    private typealias Object = [String: Any]

    private static let dashboards = ["overview"]
    private let folder = repository + "/Dashboards/"

    private func dashboard(_ name: String) throws -> [String: Any] {
        let data = try Data(contentsOf: URL(fileURLWithPath: folder + name + ".json"))
        return try JSONSerialization.jsonObject(with: data) as? Object ?? [:]
    }

    private func panels(_ dashboard: [String: Any]) -> [[String: Any]] {
        (dashboard["panels"] as? [Object] ?? []).filter { $0["type"] as? String != "row" }
    }

    private func expressions(_ dashboard: [String: Any]) -> [String] {
        panels(dashboard).flatMap { $0["targets"] as? [Object] ?? [] }.compactMap { $0["expr"] as? String }
    }

    /// Every series name that the gateway can show.
    private var catalogue: Set<String> {
        let families = GatewayMetrics(listeners: [], relays: []).registry.families
        return Set(
            families.flatMap { family in
                family.type == "histogram"
                    ? ["_bucket", "_sum", "_count"].map { family.name + $0 } : [family.name]
            })
    }

    /// The names of ours in a text, as PromQL would see them.
    private func names(in text: String) -> [String] {
        text.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init).filter {
            $0.hasPrefix("weir_") || $0.hasPrefix("process_")
        }
    }

    @Test("every metric that a dashboard names is in the catalogue", arguments: dashboards)
    func catalogued(name: String) throws {
        let used = try expressions(dashboard(name)).flatMap(names)
        #expect(used.count > 20)
        #expect(Set(used).subtracting(catalogue).isEmpty)
    }

    @Test(
        "every metric that an alert or its test names is in the catalogue",
        arguments: ["alerts.yml", "alerts.test.yml"])
    func cataloguedAlerts(file: String) throws {
        let text = try String(contentsOfFile: folder + file, encoding: .utf8)
        #expect(!names(in: text).isEmpty)
        #expect(Set(names(in: text)).subtracting(catalogue).isEmpty)
    }

    @Test("a dashboard imports anywhere: fixed uid, no id, its data source a variable", arguments: dashboards)
    func identity(name: String) throws {
        let dashboard = try dashboard(name)
        let uid = dashboard["uid"] as? String ?? ""
        #expect(uid.hasPrefix("weir-") && uid.count <= 40)
        #expect(dashboard["id"] == nil || dashboard["id"] is NSNull)
        #expect(dashboard["schemaVersion"] as? Int == 39)
        #expect(dashboard["__inputs"] == nil)
        let variables = ((dashboard["templating"] as? Object)?["list"] as? [Object] ?? []).compactMap {
            $0["name"] as? String
        }
        #expect(variables == ["datasource", "job", "instance"])
    }

    @Test("every panel says what it shows, in which unit, from which source", arguments: dashboards)
    func panelsAreWhole(name: String) throws {
        for panel in panels(try dashboard(name)) {
            let title = panel["title"] as? String ?? ""
            #expect(!title.isEmpty)
            let description = panel["description"] as? String ?? ""
            #expect(!description.isEmpty, "\(title)")
            let unit = ((panel["fieldConfig"] as? Object)?["defaults"] as? Object)?["unit"] as? String ?? ""
            #expect(!unit.isEmpty, "\(title)")
            let targets = panel["targets"] as? [Object] ?? []
            #expect(!targets.isEmpty, "\(title)")
            for source in [panel] + targets {
                let datasource = source["datasource"] as? Object
                #expect(datasource?["uid"] as? String == "${datasource}", "\(title)")
            }
        }
    }

    @Test("no two panels overlap, and none leaves the grid", arguments: dashboards)
    func grid(name: String) throws {
        var taken: Set<[Int]> = []
        for panel in try dashboard(name)["panels"] as? [Object] ?? [] {
            let place = panel["gridPos"] as? [String: Int] ?? [:]
            let (x, y, w, h) = (place["x"] ?? -1, place["y"] ?? -1, place["w"] ?? 0, place["h"] ?? 0)
            #expect(x >= 0 && y >= 0 && w > 0 && h > 0 && x + w <= 24)
            for cell in (0..<w).flatMap({ dx in (0..<h).map { [x + dx, y + $0] } }) {
                #expect(taken.insert(cell).inserted, "\(panel["title"] ?? "") at \(cell)")
            }
        }
    }

    @Test("every query is of the chosen jobs, and its rates follow the zoom", arguments: dashboards)
    func queries(name: String) throws {
        for expression in try expressions(dashboard(name)) {
            let selectors = expression.split(separator: "job=~\"$job\", instance=~\"$instance\"").count - 1
            #expect(selectors == names(in: expression).count, "\(expression)")
            if expression.contains("rate(") { #expect(expression.contains("[$__rate_interval]"), "\(expression)") }
        }
    }

    @Test("promtool takes every query of a dashboard for PromQL", arguments: dashboards)
    func promQL(name: String) throws {
        let promtool = try #require(Program.find("promtool"), "apt-get install prometheus")
        var rules = "groups:\n  - name: dashboard\n    rules:\n"
        for (number, expression) in try expressions(dashboard(name)).enumerated() {
            let query = expression.replacingOccurrences(of: "$__rate_interval", with: "5m")
            rules +=
                "      - record: dashboard:\(number)\n        expr: '\(query.replacingOccurrences(of: "'", with: "''"))'\n"
        }
        let folder = try TemporaryFolder()
        try rules.write(toFile: folder.path + "/rules.yml", atomically: true, encoding: .utf8)
        let result = try Program.run(promtool, ["check", "rules", folder.path + "/rules.yml"])
        #expect(result.status == 0, "\(result.errors)")
    }

    @Test("promtool takes the alert rules, and their own tests pass")
    func alerts() throws {
        let promtool = try #require(Program.find("promtool"), "apt-get install prometheus")
        let rules = try Program.run(promtool, ["check", "rules", folder + "alerts.yml"])
        #expect(rules.status == 0, "\(rules.errors)")
        let tests = try Program.run(promtool, ["test", "rules", folder + "alerts.test.yml"])
        #expect(tests.status == 0, "\(tests.output)\(tests.errors)")
    }

    @Test("every alert says what it means and what to do, and has a test of its own")
    func annotations() throws {
        let rules = try String(contentsOfFile: folder + "alerts.yml", encoding: .utf8)
        let tests = try String(contentsOfFile: folder + "alerts.test.yml", encoding: .utf8)
        let blocks = rules.components(separatedBy: "- alert: ").dropFirst()
        #expect(blocks.count >= 10)
        for block in blocks {
            let name = block.prefix { !$0.isWhitespace }
            for key in ["severity:", "summary:", "runbook:"] { #expect(block.contains(key), "\(name) \(key)") }
            #expect(tests.contains("alertname: \(name)"), "\(name)")
        }
    }
}
