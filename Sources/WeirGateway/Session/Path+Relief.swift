import WeirSMTP

extension Path {
    /// Whether it is the contact's address, or postmaster or abuse at the contact's domain, at ours or at none.
    func isRelief(contact: String, hostname: String, in line: Span<UInt8>) -> Bool {
        if isMailbox(contact, in: line) { return true }
        let ends = contact.lastIndex(of: "@").map { ["@" + hostname, String(contact[$0...])] } ?? ["@" + hostname]
        return ["postmaster", "abuse"].contains { name in
            hasLocalPart(name, in: line) && (at == nil || ends.contains { isMailbox(name + $0, in: line) })
        }
    }
}
