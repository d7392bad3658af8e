/// What this program is, as `weir version`, the status and the metrics say it.
enum Version {
    static let number = "0.1.0"
}
