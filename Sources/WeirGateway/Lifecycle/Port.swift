import Synchronization
import WeirBase
import WeirConfiguration
import WeirRuntime

/// A listening socket, and the settings that its new sessions begin with; a reload may change these.
final class Port: Sendable {
    private let settings: Mutex<Listener>

    init(_ listener: Listener) { settings = Mutex(listener) }

    var listener: Listener {
        get { settings.withLock { $0 } }
        set { settings.withLock { $0 = newValue } }
    }

    /// Whether a listener's new settings are this one's: it is the socket's address that stays.
    func serves(_ listener: Listener) -> Bool {
        let own = self.listener
        // The system chooses port 0 anew each time, so the name tells.
        return own.address == listener.address && (listener.address.port != 0 || own.name == listener.name)
    }
}
