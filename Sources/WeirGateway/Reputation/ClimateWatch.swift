import Synchronization
import WeirReputation
import WeirRuntime

/// Tells when the detector begins to hold back, and when that is over.
final class ClimateWatch: Sendable {
    private let told = Mutex<ClimateAlarm?>(nil)

    /// Looks at how it is now.
    func look(at alarm: ClimateAlarm?, _ telemetry: Telemetry) {
        let former = told.withLock { told in
            defer { told = alarm }
            return told
        }
        guard alarm != former else { return }
        let climate = telemetry.metrics.detector.climate
        if let former {
            climate[MetricLabels.Climate(former)].set(0)
            telemetry.log.info("detector acts again", ["cause": .string(MetricLabels.Climate(former).labelValue)])
        }
        if let alarm {
            climate[MetricLabels.Climate(alarm)].set(1)
            telemetry.log.error(
                "detector holds back",
                ["cause": .string(MetricLabels.Climate(alarm).labelValue), "reason": .string(alarm.sentence)])
        }
    }
}

extension ClimateAlarm {
    /// For the list of alarms.
    package var sentence: String {
        let cause = circumstance.prefix(1).uppercased() + circumstance.dropFirst()
        return switch self {
        case .relayRefuses: "\(cause): the detector suspends nobody for what relays say until that is over."
        case .scannerCondemns, .manyFlagged:
            "\(cause): the detector suspends nobody, and slows down nobody, until that is over."
        }
    }
}

extension MetricLabels.Climate {
    init(_ alarm: ClimateAlarm) {
        switch alarm {
        case .scannerCondemns: self = .scannerCondemns
        case .relayRefuses: self = .relayRefuses
        case .manyFlagged: self = .manyFlagged
        }
    }
}
