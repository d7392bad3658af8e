/// What an account may do: its limits, when to warn, what the detector may do about it.
package struct Plan: Hashable, Sendable {
    package enum DetectorMode: String, CaseIterable, Sendable {
        case off, shadow, flag, suspend
    }

    package enum WhenSuspended: String, CaseIterable, Sendable {
        case reject
        case deferral = "defer"
    }

    package var name: String
    package var description: String
    package var limits: [Limit]
    /// Percentages of a limit at whose crossing a warning is due, ascending.
    package var warnAt: [Int]
    package var detector: DetectorMode
    package var whenSuspended: WhenSuspended

    package init(
        name: String, description: String = "", limits: [Limit] = [], warnAt: [Int] = [],
        detector: DetectorMode = .off, whenSuspended: WhenSuspended = .reject
    ) {
        self.name = name
        self.description = description
        self.limits = limits
        self.warnAt = warnAt
        self.detector = detector
        self.whenSuspended = whenSuspended
    }
}
