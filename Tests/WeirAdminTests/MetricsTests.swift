import TestKit
import Testing
import WeirRuntime

@Suite("Metrics")
struct MetricsTests {
    typealias Labels = MetricLabels

    private func page(_ registry: MetricRegistry) -> String {
        var octets: [UInt8] = []
        registry.append(to: &octets)
        return String(decoding: octets, as: UTF8.self)
    }

    private func catalogue() -> GatewayMetrics {
        let metrics = GatewayMetrics(
            listeners: ["submission", "odd \"name\"\\\n"], relays: ["smarthost-a"], limits: ["recipients-per-day"],
            loops: 2)
        metrics.configuration.build.set(["0.1", "abc", "6.3"])
        metrics.smtp.messageSize[metrics.listener("submission")].observe(5_000)
        _ = metrics.operation.route(method: "GET", path: "/metrics")
        _ = metrics.store.path("/var/lib/weir")
        return metrics
    }

    @Test("the whole catalogue is what promtool takes for good")
    func promtool() throws {
        let promtool = try #require(Program.find("promtool"), "apt-get install prometheus")
        let result = try Program.run(promtool, ["check", "metrics"], input: page(catalogue().registry))
        #expect(result.status == 0, "\(result.errors)\(result.output)")
        #expect(result.errors.isEmpty && result.output.isEmpty)
    }

    @Test("every series of a known name starts at 0")
    func startsAtZero() {
        let text = page(catalogue().registry)
        #expect(text.contains("\nweir_messages_total{listener=\"submission\",disposition=\"refused_quota\"} 0\n"))
        #expect(
            text.contains("\nweir_quota_deferrals_total{limit=\"recipients-per-day\",scope=\"customer\"} 0\n"))
        #expect(text.contains("\nweir_relay_replies_total{relay=\"smarthost-a\",reply_class=\"4xx\",stage=\"rcpt\"} 0"))
        #expect(text.contains("\nweir_ledger_commits_total{result=\"error\"} 0\n"))
    }

    @Test("label values are escaped")
    func escaping() {
        #expect(page(catalogue().registry).contains("{listener=\"odd \\\"name\\\"\\\\\\n\"}"))
    }

    @Test("a counter counts in the cell of its labels and no other")
    func cells() {
        let metrics = catalogue()
        metrics.smtp.recipients[metrics.listener("submission"), .refusedQuota].add(3)
        metrics.relays.replies[metrics.relay("smarthost-a"), .transient, .endOfData].add()
        let changed = page(metrics.registry).split(separator: "\n").filter {
            ($0.hasPrefix("weir_recipients_total") || $0.hasPrefix("weir_relay_replies_total")) && !$0.hasSuffix(" 0")
        }
        #expect(
            changed == [
                "weir_recipients_total{listener=\"submission\",disposition=\"refused_quota\"} 3",
                "weir_relay_replies_total{relay=\"smarthost-a\",reply_class=\"4xx\",stage=\"end_of_data\"} 1",
            ])
    }

    @Test("a histogram's buckets are cumulative, and its bounds are inclusive")
    func histogram() {
        var registry = MetricRegistry()
        let histogram = registry.add(
            .histogram("weir_x_seconds", "X.", bounds: [500_000, 1_000_000_000], scale: 1_000_000_000))
        for amount: UInt64 in [500_000, 500_001, 1_500_000_000] { histogram.observe(amount) }
        #expect(
            page(registry) == """
                # HELP weir_x_seconds X.
                # TYPE weir_x_seconds histogram
                weir_x_seconds_bucket{le="0.0005"} 1
                weir_x_seconds_bucket{le="1"} 2
                weir_x_seconds_bucket{le="+Inf"} 3
                weir_x_seconds_sum 1.501000001
                weir_x_seconds_count 3

                """)
    }

    @Test("names beyond a set's capacity share one series")
    func capacity() {
        enum Tag {}
        let names = NameSet<Tag>("limit", capacity: 4)
        let ordinals = (0..<9).map { names.label("n\($0)").ordinal }
        #expect(ordinals == [0, 1, 2, 3, 3, 3, 3, 3, 3])
        #expect(names.label("n1").ordinal == 1)
        #expect(names.axis.rendered().last == "limit=\"other\"")
    }

    @Test("a gauge goes below zero, and a sampled one is asked at each scrape")
    func gauges() {
        var registry = MetricRegistry()
        let stored = registry.add(.gauge("weir_stored", "S."))
        let sampled = registry.add(.gauge("weir_sampled", "S."))
        stored.add(-4)
        sampled.sample { 42 }
        #expect(page(registry).contains("weir_stored -4\n"))
        #expect(page(registry).contains("weir_sampled 42\n"))
    }

    @Test("the process' own figures are read from the kernel")
    func process() {
        let text = page(catalogue().registry)
        for name in ["cpu_seconds_total", "resident_memory_bytes", "open_fds", "max_fds", "start_time_seconds"] {
            let line = text.split(separator: "\n").first { $0.hasPrefix("process_\(name) ") }
            #expect(line.flatMap { Double($0.split(separator: " ")[1]) } ?? 0 > 0, "\(name)")
        }
    }

    @Test("counts from many threads are all there")
    func threads() async {
        let counter = Counter()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask { for _ in 0..<10_000 { counter.add() } }
            }
        }
        #expect(counter.current == 40_000)
    }
}
