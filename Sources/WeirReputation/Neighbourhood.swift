import WeirBase

/// All that decisions share between accounts.
package struct Surroundings: Equatable, Sendable {
    package var climate = Climate()
    package var neighbourhood = Neighbourhood()

    package init() {}
}

/// What flagged accounts had in common with others lately.
package struct Neighbourhood: Equatable, Sendable {
    package init() {}

    func count(_ message: MessageFacts, isStrangeNetwork: Bool, at now: Instant) -> Double { 0 }
}
