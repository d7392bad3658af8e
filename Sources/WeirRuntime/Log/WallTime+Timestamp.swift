package import WeirBase

extension WallTime {
    /// RFC 3339 in UTC to the second, such as `2026-11-23T08:15:00Z`.
    package var timestamp: String {
        let date = CivilDate(daysSince1970: seconds / 86_400)
        let second = seconds % 86_400
        func two(_ number: UInt64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(date.year)-\(two(date.month))-\(two(date.day))T"
            + "\(two(second / 3_600)):\(two(second / 60 % 60)):\(two(second % 60))Z"
    }
}
