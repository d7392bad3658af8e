/// The closed sets of label values; a case's label is its name in snake case unless it says otherwise.
package enum MetricLabels {
    package enum Listener {}
    package enum Relay {}
    package enum Limit {}
    package enum Threshold {}
    package enum Path {}
    package enum Loop {}
    package enum Route {}

    /// What became of a message or a recipient at the gateway.
    package enum Disposition: Int, ClosedLabel {
        case accepted, deferredQuota
        /// By the brake of an account or machine that is flagged.
        case deferredFlagged
        case refusedQuota, refusedSuspended, refusedPolicy, refusedContent
        /// The relay's own refusal.
        case refusedRelay
        /// Neither taken nor refused: no relay, no commit, a client that left.
        case failed
        package static let labelName = "disposition"

        /// ``labelValue``, worked out once: each message's line in the log has it.
        package var word: String { Disposition.words[ordinal] }
        private static let words = allCases.map(\.labelValue)
    }

    /// What became of a connection to a listener.
    package enum Admission: Int, ClosedLabel {
        case accepted, tooMany, failed
        package static let labelName = "result"
    }

    package enum Verb: Int, ClosedLabel {
        case helo, ehlo, mail, rcpt, data, rset, noop, quit, vrfy, help, starttls, auth, unknown
        package static let labelName = "verb"
    }

    package enum ReplyClass: Int, ClosedLabel {
        case success, intermediate, transient, permanent
        package static let labelName = "reply_class"
        package var labelValue: String { "\(rawValue + 2)xx" }

        /// The class of a reply code; what is no reply code at all counts as permanent.
        package init(code: Int) { self = ReplyClass(rawValue: code / 100 - 2) ?? .permanent }
    }

    package enum Violation: Int, ClosedLabel {
        case syntax, sequence, unknownCommand, lineTooLong, bareNewline, controlOctet, tooManyErrors
        package static let labelName = "kind"
    }

    package enum TLSSide: Int, ClosedLabel {
        case listener, relay
        package static let labelName = "side"
    }

    package enum Outcome: Int, ClosedLabel {
        case success, error
        package static let labelName = "result"
    }

    package enum TLSVersion: Int, ClosedLabel {
        case none, tls12, tls13
        package static let labelName = "version"
        package var labelValue: String { ["none", "1.2", "1.3"][rawValue] }
    }

    package enum Mechanism: Int, ClosedLabel {
        case plain, login, other
        package static let labelName = "mechanism"
    }

    package enum AuthResult: Int, ClosedLabel {
        case success, failure, throttled, busy, malformed
        package static let labelName = "result"
    }

    package enum LimitScope: Int, ClosedLabel {
        case account, customer, gateway
        package static let labelName = "scope"
    }

    package enum SuspensionCause: Int, ClosedLabel {
        case `operator`, detector
        package static let labelName = "cause"
    }

    /// The states of an account but for the normal one.
    package enum RestrictedState: Int, ClosedLabel {
        case flagged, suspended, probation
        package static let labelName = "state"
    }

    /// What a plan has the detector do.
    package enum DetectorMode: Int, ClosedLabel {
        case shadow, flag, suspend
        package static let labelName = "mode"
    }

    package enum Verdict: Int, ClosedLabel {
        case flagged, suspended
        package static let labelName = "verdict"
    }

    /// Why the detector suspends nobody.
    package enum Climate: Int, ClosedLabel {
        case scannerCondemns, relayRefuses, manyFlagged
        package static let labelName = "cause"
    }

    /// What came of showing a message to the scanner.
    package enum ScanResult: Int, ClosedLabel {
        case passed, marked, deferred, rejected
        /// It was not asked, for it is away, or for too many were being scanned.
        case away, busy
        /// It did not answer in time, or not as a scanner does.
        case timeout, failed
        package static let labelName = "result"
    }

    package enum EvidenceRead: Int, ClosedLabel {
        case success, damaged, error
        package static let labelName = "result"
    }

    /// Bands of use of a limit, in percent.
    package enum UsageBand: Int, ClosedLabel {
        case low, middle, high, full
        package static let labelName = "band"
        package var labelValue: String { ["0-50", "50-80", "80-100", "100"][rawValue] }
    }

    /// What a relay's reply answers.
    package enum RelayStage: Int, ClosedLabel {
        case greeting, hello, starttls, auth, mail, rcpt, data, endOfData, reset
        package static let labelName = "stage"
    }

    package enum ConnectFailure: Int, ClosedLabel {
        case name, refused, timeout, tls, greeting, auth
        package static let labelName = "reason"
    }

    package enum NotificationChannel: Int, ClosedLabel {
        case mail, webhook
        package static let labelName = "channel"
    }

    package enum NotificationKind: Int, ClosedLabel {
        case warned, flagged, suspended, released, machineStopped
        package static let labelName = "kind"
    }

    /// What became of one notice to one reader, or of one attempt: all but `retried` are final.
    package enum NotificationResult: Int, ClosedLabel {
        case sent, retried
        /// By the relay or the webhook, for good.
        case refused
        /// Tried in vain for too long.
        case expired
        /// There was no room in the queue.
        case dropped
        /// There have been enough of its kind.
        case limited
        package static let labelName = "result"
    }

    package enum ComplaintResult: Int, ClosedLabel {
        case counted, repeated, surplus, unproven, untraced, malformed
        package static let labelName = "result"
    }

    package enum LedgerFile: Int, ClosedLabel {
        case ledger, ledgerWal, accounts, accountsWal
        package static let labelName = "file"
    }

    package enum ReloadResult: Int, ClosedLabel {
        case success, refused
        package static let labelName = "result"
    }

    /// The status codes that the admin server answers with; any other counts as 500.
    package enum StatusCode: Int, ClosedLabel {
        case ok, created, noContent, badRequest, unauthorized, forbidden, notFound, methodNotAllowed, conflict
        case contentTooLarge, unsupportedMediaType, misdirected, unprocessable, fault, unavailable
        package static let labelName = "code"
        private static let codes = [200, 201, 204, 400, 401, 403, 404, 405, 409, 413, 415, 421, 422, 500, 503]
        package var labelValue: String { String(StatusCode.codes[rawValue]) }

        package init(_ code: Int) {
            self = StatusCode.codes.firstIndex(of: code).flatMap(StatusCode.init(rawValue:)) ?? .fault
        }
    }
}

package typealias ListenerLabel = NamedLabel<MetricLabels.Listener>
package typealias RelayLabel = NamedLabel<MetricLabels.Relay>
package typealias LimitLabel = NamedLabel<MetricLabels.Limit>
package typealias ThresholdLabel = NamedLabel<MetricLabels.Threshold>
package typealias PathLabel = NamedLabel<MetricLabels.Path>
package typealias LoopLabel = NamedLabel<MetricLabels.Loop>
package typealias RouteLabel = NamedLabel<MetricLabels.Route>
