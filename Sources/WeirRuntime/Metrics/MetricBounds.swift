import WeirBase

/// Where the buckets of the histograms end.
package enum MetricBounds {
    /// 0.5 ms to 30 s, in nanoseconds.
    package static let durations: [UInt64] =
        [.millisecond / 2]
        + [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000].map {
            $0 * .millisecond
        }
    /// 1 us to 10 ms, in nanoseconds.
    package static let decisions: [UInt64] = [1, 2, 5, 10, 20, 50, 100, 1_000, 10_000].map { $0 * .millisecond / 1_000 }
    /// 0.1 s to an hour, in nanoseconds.
    package static let sessions: [UInt64] =
        [.second / 10, .second / 2] + [1, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600].map { $0 * .second }
    /// 4 KiB to 64 MiB by 4, in octets.
    package static let sizes: [UInt64] = (0..<8).map { 4_096 << (2 * $0) }
    /// 1 to 10,000.
    package static let counts: [UInt64] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000]
}
