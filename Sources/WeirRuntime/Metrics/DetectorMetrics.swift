import WeirBase

/// What the scanner says of messages, and how it is.
package struct ScannerMetrics: Sendable {
    package let requests: MetricFamily<Counter, MetricLabels.ScanResult>
    /// In nanoseconds.
    package let duration: Histogram
    package let up: Gauge

    init(adding registry: inout MetricRegistry) {
        requests = registry.add(
            .counter("weir_scanner_requests_total", "Messages for the scanner by what came of it."),
            MetricAxis(MetricLabels.ScanResult.self))
        duration = registry.add(
            .histogram(
                "weir_scanner_request_duration_seconds", "Time for the scanner to answer.",
                bounds: MetricBounds.durations, scale: .second))
        up = registry.add(
            .gauge("weir_scanner_up", "1 if the scanner answers, 0 if it is away or none is configured."))
    }
}

/// What is decided about accounts, and the evidence that it rests on.
package struct DetectorMetrics: Sendable {
    package typealias Labels = MetricLabels

    package let verdicts: MetricFamily2<Counter, Labels.DetectorMode, Labels.Verdict>
    package let braked: Counter
    package let climate: MetricFamily<Gauge, Labels.Climate>
    /// In nanoseconds.
    package let decisionDuration: Histogram
    package let cached: Gauge
    package let unsaved: Gauge
    package let reads: MetricFamily<Counter, Labels.EvidenceRead>
    package let saves: MetricFamily<Counter, Labels.Outcome>

    init(adding registry: inout MetricRegistry) {
        verdicts = registry.add(
            .counter(
                "weir_detector_verdicts_total", "Verdicts of the detector by the plan's mode and what they came to."),
            MetricAxis(Labels.DetectorMode.self), MetricAxis(Labels.Verdict.self))
        braked = registry.add(
            .counter(
                "weir_detector_braked_recipients_total",
                "Recipients deferred because their sender is flagged and does not know them."))
        climate = registry.add(
            .gauge(
                "weir_detector_climate_alarm",
                "1 while the detector suspends nobody, because a relay or the scanner seems broken."),
            MetricAxis(Labels.Climate.self))
        decisionDuration = registry.add(
            .histogram(
                "weir_detector_decision_duration_seconds",
                "Time to weigh the evidence of one message, before it is released or after.",
                bounds: MetricBounds.decisions, scale: .second))
        cached = registry.add(.gauge("weir_evidence_cached_accounts", "Accounts whose evidence is in memory."))
        unsaved = registry.add(
            .gauge("weir_evidence_unsaved_accounts", "Accounts whose evidence has changed since it was saved."))
        reads = registry.add(
            .counter(
                "weir_evidence_reads_total", "Times that an account's evidence was fetched from the store by result."),
            MetricAxis(Labels.EvidenceRead.self))
        saves = registry.add(
            .counter("weir_evidence_saves_total", "Rounds of saving the evidence that has changed by result."),
            MetricAxis(Labels.Outcome.self))
    }
}
