import Synchronization
import WeirConfiguration
import WeirRuntime

/// Hears how every attempt to reach a relay went, and tells when one goes down or comes back.
final class RelayWatch: Sendable {
    private let telemetry: Telemetry
    /// By relay name: why it rests; nothing while it is up.
    private let troubles = Mutex<[String: String]>([:])

    init(_ telemetry: Telemetry) { self.telemetry = telemetry }

    /// Why the relay rests, in words; nil while it is up.
    func trouble(of name: String) -> String? { troubles.withLock { $0[name] } }

    /// Takes the outcome of one attempt; nil: the relay is ready.
    @Sendable func note(_ relay: RelayState, _ failure: RelayFailure?) {
        let name = relay.settings.name
        guard let failure else {
            let wasDown = troubles.withLock { $0.removeValue(forKey: name) != nil }
            if wasDown { telemetry.log.info("relay up", ["relay": .string(name)]) }
            return
        }
        relay.meter?.failed(failure.stage, timedOut: failure.reason.hasSuffix(ConnectionError.timedOut.reason))
        // An attempt that was interrupted says nothing about the relay.
        guard !relay.isUp else { return }
        let wasUp = troubles.withLock {
            $0.updateValue("\(failure.stage.rawValue): \(failure.reason)", forKey: name) == nil
        }
        guard wasUp else { return }
        telemetry.log.warning(
            "relay down",
            [
                "relay": .string(name), "stage": .string(failure.stage.rawValue), "reason": .string(failure.reason),
            ])
    }
}
