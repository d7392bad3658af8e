import Glibc
import Synchronization
import WeirBase
import WeirRuntime

/// Everything on loopback in a temporary folder: a gateway, a relay that swallows, accounts that send, and one that spams.
enum Demo {
    static func run(duration: String?) async throws {
        let length = try duration.map(nanoseconds)
        DemoOutput.write("weir demo: a gateway, its relay and its customers, all on loopback, starting …\n")
        let folder = try TemporaryFolder(for: "demo")
        defer { folder.remove() }
        let interrupts = DemoInterrupts(folder)
        try Signals.receive { _ in interrupts.note() }
        let clock = AnchoredClock()
        let show = DemoShow(try await DemoStage(in: folder, clock: clock), clock, length: length)
        await show.run(until: { interrupts.came })
    }

    /// The longest demonstration that ends by itself, in seconds.
    private static let secondsMax: UInt64 = 86_400

    /// Reads `30s`, `2m` or `1h`.
    static func nanoseconds(_ text: String) throws(UsageError) -> UInt64 {
        let units: [Character: UInt64] = ["s": 1, "m": 60, "h": 3_600]
        guard let last = text.last, let unit = units[last], let number = UInt64(text.dropLast()), number > 0,
            number <= secondsMax / unit
        else { throw UsageError(message: "--for takes a duration, not \"\(text)\"", hint: "write 30s, 2m or 1h") }
        return number * unit * .second
    }
}

/// Ctrl-C: once ends in order, twice at once.
private final class DemoInterrupts: Sendable {
    private let count = Atomic<Int>(0)
    private let folder: TemporaryFolder

    init(_ folder: TemporaryFolder) { self.folder = folder }

    var came: Bool { count.load(ordering: .relaxed) > 0 }

    func note() {
        guard count.wrappingAdd(1, ordering: .relaxed).newValue > 1 else { return }
        folder.remove()
        DemoScreen().close()
        _exit(130)
    }
}
