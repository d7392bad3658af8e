import Synchronization
import WeirSMTP

/// What of a message is kept for the scanner: its beginning, as the relay will have it, the doubling of dots undone.
///
/// It is kept, and not streamed to the scanner, because a client that dribbles would else hold a scanner's connection for half an hour,
/// and outwait its patience.
package final class ScanCopy {
    private let octetsMax: Int
    private let budget: ScanBudget
    private var reserved = 0
    private var isLineStart = true
    /// There was no room once: what follows would not follow.
    private var isCut = false
    package private(set) var octets: [UInt8] = []

    package init(octetsMax: Int, budget: ScanBudget) {
        self.octetsMax = octetsMax
        self.budget = budget
    }

    deinit { budget.giveBack(reserved) }

    /// Takes what has been written for the relay since the last call, as far as there is room.
    package func take(_ written: ArraySlice<UInt8>) {
        guard !isCut else { return }
        let wanted = min(octetsMax, octets.count + written.count)
        if wanted > reserved {
            let more = min(
                (wanted - reserved + ScanBudget.step - 1) / ScanBudget.step * ScanBudget.step, octetsMax - reserved)
            if budget.take(more) { reserved += more }
        }
        for octet in written {
            guard octets.count < reserved else {
                isCut = true
                return
            }
            // Only a line of ours begins here: each ends in CRLF, and the dot that begins one stands twice.
            if isLineStart, octet == UInt8(ascii: ".") {
                isLineStart = false
                continue
            }
            isLineStart = octet == 0x0A
            octets.append(octet)
        }
    }
}

/// The memory for all messages that are kept for the scanner.
package final class ScanBudget: Sendable {
    /// Octets that a message takes at one time.
    package static let step = 64 * 1024
    /// Octets of all messages together; beyond them a scanner sees the beginnings that there was room for.
    package static let octetsMax = 128 * 1024 * 1024

    private let taken = Atomic<Int>(0)

    package init() {}

    package func take(_ octets: Int) -> Bool {
        let (_, now) = taken.add(octets, ordering: .relaxed)
        guard now > ScanBudget.octetsMax else { return true }
        giveBack(octets)
        return false
    }

    package func giveBack(_ octets: Int) { taken.subtract(octets, ordering: .relaxed) }
}
