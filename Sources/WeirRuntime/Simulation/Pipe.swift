internal import Glibc
import WeirBase

/// What befalls a direction after some octets.
enum Breakdown {
    case stall(UInt64)
    case blackHole, reset, halfClose
}

/// One direction of a simulated connection: octets on their way, and those that have come and wait to be read.
///
/// It holds at most its window of octets, and never reorders them.
final class Pipe {
    weak var writer: SimulatedTransport?
    weak var reader: SimulatedTransport?
    /// The writer has sent all it will.
    private(set) var isFinished = false
    /// The reader has been told so.
    private(set) var hasEnded = false

    let number: UInt64
    private let network: SimulatedNetwork
    private let plan: FaultPlan
    private let window: Int
    private let octetsPerSecond: UInt64?
    private var breakdown: (after: Int, kind: Breakdown)?
    private var isLost = false
    private var sent = 0
    private var onTheirWay = 0
    private var arrived: [UInt8] = []
    private var writerWaits = false
    private var lastArrival: Instant

    init(number: UInt64, network: SimulatedNetwork, plan: FaultPlan) {
        self.number = number
        self.network = network
        self.plan = plan
        window = max(1, network.random.within(plan.window))
        octetsPerSecond = network.random.chance(plan.slow) ? max(1, network.random.within(plan.octetsPerSecond)) : nil
        breakdown = Pipe.drawBreakdown(plan, &network.random)
        lastArrival = network.scheduler.now
    }

    private static func drawBreakdown(_ plan: FaultPlan, _ random: inout SeededRandom) -> (Int, Breakdown)? {
        let after = max(1, random.within(plan.breakAfter))
        if random.chance(plan.stall) { return (after, .stall(random.within(plan.stallSpan))) }
        if random.chance(plan.blackHole) { return (after, .blackHole) }
        if random.chance(plan.reset) { return (after, .reset) }
        if random.chance(plan.halfClose) { return (after, .halfClose) }
        return nil
    }

    var unread: Int { arrived.count }
    var room: Int { window - onTheirWay - arrived.count }

    // MARK: - The writer's end

    /// Takes as many octets as there is room for, 0 if there is none: then the writer hears when there is.
    func send(_ octets: UnsafeRawBufferPointer) -> Int {
        let count = min(octets.count, room)
        guard count > 0 else {
            writerWaits = true
            return 0
        }
        var done = 0
        while done < count, !isFinished {
            let length = segmentLength(of: count - done)
            transmit(UnsafeRawBufferPointer(rebasing: octets[done..<done + length]))
            done += length
        }
        return done
    }

    /// Up to the next breakdown, or a part of that.
    private func segmentLength(of count: Int) -> Int {
        var length = count
        if let breakdown { length = min(length, breakdown.after - sent) }
        if length > 1, network.random.chance(plan.tear) { length = 1 + network.random.below(length - 1) }
        return length
    }

    private func transmit(_ octets: UnsafeRawBufferPointer) {
        network.scheduler.trace.mix(number << 32 | UInt64(octets.count))
        network.scheduler.trace.mix(octets)
        network.scheduler.narrate("way \(number): \(octets.count) octets leave")
        sent += octets.count
        onTheirWay += octets.count
        if !isLost {
            let segment = [UInt8](octets)
            network.scheduler.at(arrival(of: segment.count)) { self.deliver(segment) }
        }
        if let breakdown, breakdown.after == sent { suffer(breakdown.kind) }
    }

    private func arrival(of count: Int) -> Instant {
        var arrival = max(lastArrival, network.scheduler.now + network.random.within(plan.delay))
        if network.random.chance(plan.coalesce) { arrival = arrival + network.random.within(plan.coalesceSpan) }
        if let octetsPerSecond { arrival = arrival + UInt64(count) * .second / octetsPerSecond }
        lastArrival = arrival
        return arrival
    }

    private func suffer(_ kind: Breakdown) {
        breakdown = nil
        network.scheduler.trace.mix(number)
        network.scheduler.narrate("way \(number): \(kind) after \(sent) octets")
        switch kind {
        case .stall(let span): lastArrival = lastArrival + span
        case .blackHole: isLost = true
        case .halfClose: finish()
        case .reset:
            isLost = true
            network.scheduler.at(lastArrival) {
                self.reader?.fail(ECONNRESET)
                self.writer?.fail(ECONNRESET)
            }
        }
    }

    /// Sends the end, behind all octets.
    func finish() {
        guard !isFinished else { return }
        isFinished = true
        guard !isLost else { return }
        network.scheduler.at(arrival(of: 0)) {
            self.network.scheduler.narrate("way \(self.number): the end arrives")
            self.hasEnded = true
            self.reader?.tell()
        }
    }

    /// Tells the reader's side that the connection is broken; this may overtake octets, which are lost.
    func sendReset() {
        isFinished = true
        guard !isLost else { return }
        isLost = true
        network.scheduler.at(network.scheduler.now + network.random.within(plan.delay)) {
            self.reader?.fail(ECONNRESET)
        }
    }

    // MARK: - The reader's end

    private func deliver(_ segment: [UInt8]) {
        onTheirWay -= segment.count
        network.scheduler.trace.mix(number << 32 | UInt64(segment.count))
        network.scheduler.narrate("way \(number): \(segment.count) octets arrive")
        guard let reader, !reader.isClosed else { return bounce() }
        guard !reader.isBroken else { return }
        arrived.append(contentsOf: segment)
        reader.tell()
    }

    /// Octets for a side that has closed are answered with a reset, which takes with it what the writer has not read.
    private func bounce() {
        isLost = true
        network.scheduler.at(network.scheduler.now + network.random.within(plan.delay)) {
            self.writer?.fail(ECONNRESET)
        }
    }

    /// Nothing comes through before `instant`.
    func opens(at instant: Instant) { lastArrival = max(lastArrival, instant) }

    func take(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, arrived.count)
        arrived.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        arrived.removeFirst(count)
        if count > 0, writerWaits {
            writerWaits = false
            network.scheduler.at(network.scheduler.now + network.random.within(plan.delay)) { self.writer?.tell() }
        }
        return count
    }

    func discard() { arrived = [] }
}
