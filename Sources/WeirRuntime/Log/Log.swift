import Synchronization
package import WeirBase

/// A value on a log line.
package enum LogValue: Sendable {
    case string(String)
    /// Text that a peer sent, in whatever encoding.
    case octets([UInt8])
    case int(Int)
    case unsigned(UInt64)
    case bool(Bool)
    /// A span in nanoseconds, written in seconds with milliseconds.
    case span(UInt64)
}

extension LogValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int) { self = .int(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
}

/// How much a log line matters.
package enum LogLevel: UInt8, Comparable, Sendable, CaseIterable {
    case debug, info, warning, error

    package static func < (left: LogLevel, right: LogLevel) -> Bool { left.rawValue < right.rawValue }

    /// As configuration and log lines write it.
    package var name: StaticString {
        switch self {
        case .debug: "debug"
        case .info: "info"
        case .warning: "warning"
        case .error: "error"
        }
    }

    package init?(name: String) {
        guard let level = LogLevel.allCases.first(where: { "\($0.name)" == name }) else { return nil }
        self = level
    }
}

/// How log lines are written.
package enum LogFormat: String, Sendable, CaseIterable {
    /// An object a line.
    case json
    /// Time, level, event, then `key=value`, for people.
    case text
}

/// Takes whole log lines, each with its final LF; called from any thread, and never waits.
package protocol LogSink: AnyObject, Sendable {
    func write(_ line: [UInt8])
}

/// What Weir tells its operator: events with stable names and fields, one a line.
///
/// Names of events and keys are literals in the sources, so that no peer's octets ever stand there; values are escaped and cut.
package final class Log: Sendable {
    private let format: LogFormat
    private let sink: any LogSink
    private let wall: @Sendable () -> WallTime
    private let threshold: Atomic<UInt8>

    package init(
        level: LogLevel = .info, format: LogFormat = .json, to sink: any LogSink,
        wall: @escaping @Sendable () -> WallTime
    ) {
        self.format = format
        self.sink = sink
        self.wall = wall
        threshold = Atomic(level.rawValue)
    }

    /// Lines below it are not written; may change at any time.
    package var level: LogLevel {
        get { LogLevel(rawValue: threshold.load(ordering: .relaxed)) ?? .info }
        set { threshold.store(newValue.rawValue, ordering: .relaxed) }
    }

    package func debug(_ event: StaticString, _ fields: KeyValuePairs<StaticString, LogValue> = [:]) {
        write(.debug, event, fields)
    }

    package func info(_ event: StaticString, _ fields: KeyValuePairs<StaticString, LogValue> = [:]) {
        write(.info, event, fields)
    }

    package func warning(_ event: StaticString, _ fields: KeyValuePairs<StaticString, LogValue> = [:]) {
        write(.warning, event, fields)
    }

    package func error(_ event: StaticString, _ fields: KeyValuePairs<StaticString, LogValue> = [:]) {
        write(.error, event, fields)
    }

    private func write(_ level: LogLevel, _ event: StaticString, _ fields: KeyValuePairs<StaticString, LogValue>) {
        guard level.rawValue >= threshold.load(ordering: .relaxed) else { return }
        var record = LogRecord(format: format, time: wall(), level: level, event: event)
        for (key, value) in fields { record.append(key, value) }
        sink.write(record.finish())
    }
}

/// Keeps lines in memory: for the simulation and tests.
package final class CollectedLog: LogSink {
    private let collected = Mutex<[String]>([])

    package init() {}

    /// The lines so far, without their LF.
    package var lines: [String] { collected.withLock { $0 } }

    package func write(_ line: [UInt8]) {
        collected.withLock { $0.append(String(decoding: line.dropLast(), as: UTF8.self)) }
    }
}
