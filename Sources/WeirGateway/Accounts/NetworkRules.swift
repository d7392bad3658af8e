import WeirBase
import WeirConfiguration

/// Which networks are accounts by `networks:`, without being anybody's own.
///
/// Such an account has the network's text as its login, and no network in the store: it is found through a rule or not at all.
struct NetworkRules: Sendable {
    /// The narrowest range first.
    private let rules: [Configuration.NetworkRule]

    init(_ rules: [Configuration.NetworkRule]) { self.rules = rules.sorted { $0.range.length > $1.range.length } }

    /// The rule of the narrowest range that has an address.
    func rule(of address: IPAddress) -> Configuration.NetworkRule? { rules.first { $0.range.contains(address) } }

    /// The rule that makes a network one account.
    func rule(making network: IPNetwork) -> Configuration.NetworkRule? {
        let rule = rules.first { $0.range.length <= network.length && $0.range.contains(network.address) }
        return rule?.each == network.length ? rule : nil
    }
}

extension Configuration.NetworkRule {
    /// The network round an address that it makes one account of.
    func network(of address: IPAddress) -> IPNetwork { IPNetwork(containing: address, length: each) }
}
