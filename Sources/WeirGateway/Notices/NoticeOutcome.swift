/// What an attempt to tell somebody came to.
package enum NoticeOutcome: Equatable, Sendable {
    case told
    /// There is nobody, or nothing, to tell; not tried again.
    case moot(String)
    /// For good.
    case refused(String)
    /// To be tried again.
    case failed(String)
    /// A webhook wants nothing any more until the configuration is read again.
    case gone

    /// Why it was not told, in words for the log; empty where it was.
    var reason: String {
        switch self {
        case .told: ""
        case .moot(let reason), .refused(let reason), .failed(let reason): reason
        case .gone: "410: it wants nothing more"
        }
    }
}
