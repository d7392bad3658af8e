package import WeirConfiguration
package import WeirRuntime

/// What a configuration needs from outside itself: certificates, relays' secrets, the key of account names.
package struct Material: Sendable {
    /// Puts a server's TLS over an accepted transport.
    package typealias ServerWrap = @Sendable (Transport) throws(TransportFailure) -> Transport

    /// By listener name.
    package var serverTLS: [String: ServerWrap]
    package var relaySecrets: [Relay: RelayConnector.Secrets]
    /// Keys the account's name in `X-Weir-Account`.
    package var hashKey: [UInt8]
    package var scannerPassword: [UInt8]?
    /// By listener name: when its certificate ends, in seconds since 1970.
    package var certificateEnds: [String: UInt64] = [:]
    /// Of notices, by name.
    package var templates: [NoticeName: NoticeTemplate] = [:]
    /// In the order of the configuration.
    package var webhooks: [WebhookAccess] = []

    package init(
        serverTLS: [String: ServerWrap], relaySecrets: [Relay: RelayConnector.Secrets], hashKey: [UInt8]
    ) {
        self.serverTLS = serverTLS
        self.relaySecrets = relaySecrets
        self.hashKey = hashKey
    }
}
