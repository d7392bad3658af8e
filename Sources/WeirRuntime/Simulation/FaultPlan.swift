import WeirBase

/// How badly a simulated network behaves; the seed decides what happens when.
///
/// Probabilities are from 0 to 1, spans in nanoseconds.
package struct FaultPlan: Equatable, Sendable {
    /// How long each segment travels; what follows on the same way never overtakes it.
    package var delay: ClosedRange<UInt64> = 50_000...50_000
    /// A segment is split at any octet, and each part travels by itself.
    package var tear = 0.0
    /// A segment is held back for `coalesceSpan`; what follows catches up and arrives with it.
    package var coalesce = 0.0
    package var coalesceSpan: ClosedRange<UInt64> = 1 * .millisecond...40 * .millisecond
    /// Octets that one direction holds, on their way or unread, before its writer has to wait.
    package var window: ClosedRange<Int> = 65_536...65_536
    /// A direction is read slowly, at a rate from `octetsPerSecond`.
    package var slow = 0.0
    package var octetsPerSecond: ClosedRange<UInt64> = 500...100_000

    /// After so many octets of a direction, one of the following befalls it.
    package var breakAfter: ClosedRange<Int> = 1...20_000
    /// It stands still for a while.
    package var stall = 0.0
    package var stallSpan: ClosedRange<UInt64> = 1 * .second...10 * .minute
    /// Whatever it carries from then on is lost without a word.
    package var blackHole = 0.0
    /// Both sides see an error.
    package var reset = 0.0
    /// It ends in order, while the other direction goes on.
    package var halfClose = 0.0

    /// A connect is refused, or gets no answer.
    package var refuse = 0.0
    package var connectTimeout = 0.0
    /// A host name has no answer.
    package var resolveFailure = 0.0

    /// A calm network.
    package static let none = FaultPlan()

    /// Everything may go wrong.
    package static var rough: FaultPlan {
        var random = SeededRandom(seed: 0)
        return FaultPlan(drawnBy: &random, faults: 1)
    }

    package init() {}

    /// A plan in which each kind of fault is on with the probability `faults`, so that some runs see few kinds and get far.
    package init(drawnBy random: inout SeededRandom, faults: Double = 0.5) {
        if random.chance(faults) { delay = 10_000...random.within(1 * .millisecond...2 * .second) }
        if random.chance(faults) { tear = 0.5 }
        if random.chance(faults) { coalesce = 0.2 }
        if random.chance(faults) { window = 1...random.within(1...65_536) }
        if random.chance(faults) { slow = 0.1 }
        if random.chance(faults) { breakAfter = 1...random.within(1...20_000) }
        if random.chance(faults) { stall = 0.1 }
        if random.chance(faults) { blackHole = 0.05 }
        if random.chance(faults) { reset = 0.1 }
        if random.chance(faults) { halfClose = 0.05 }
        if random.chance(faults) { refuse = 0.1 }
        if random.chance(faults) { connectTimeout = 0.05 }
        if random.chance(faults) { resolveFailure = 0.1 }
    }
}

extension FaultPlan: CustomStringConvertible {
    /// What differs from a calm network.
    package var description: String {
        let calm = Mirror(reflecting: FaultPlan.none).children.map { "\($0.value)" }
        let mine = Mirror(reflecting: self).children.map { (label: $0.label ?? "", value: "\($0.value)") }
        let faults = zip(mine, calm).filter { $0.value != $1 }.map { "\($0.0.label) \($0.0.value)" }
        return faults.isEmpty ? "calm" : faults.joined(separator: ", ")
    }
}
