extension Limit {
    /// What tells a limit from the others of its plan: one of each name a plan.
    ///
    /// Overrides and the API call a limit by it: `recipients-per-day`, `size-per-message`, `connections`; that of a
    /// limit which only observes ends in `-observe`.
    package struct Name: Hashable, Sendable, CustomStringConvertible {
        package let quantity: Quantity
        package let window: Window
        package let observes: Bool

        fileprivate init(quantity: Quantity, window: Window, observes: Bool) {
            self.quantity = quantity
            self.window = window
            self.observes = observes
        }

        /// Reads a name as a person types it, with dashes or spaces, in either case; nil if no limit is called so.
        package init?(_ text: some StringProtocol) {
            let wanted = text.lowercased().split { $0 == "-" || $0 == " " }.joined(separator: "-")
            guard let name = Name.all.first(where: { $0.description == wanted }) else { return nil }
            self = name
        }

        /// Reads a name, or a whole limit such as "5000 recipients per day", which has one.
        package init?(ofLimit text: some StringProtocol) {
            if let name = Name(text) {
                self = name
            } else if let limit = try? Limit(parsing: text) {
                self = limit.name
            } else {
                return nil
            }
        }

        /// Every name there is.
        package static let all: [Name] = Quantity.allCases.flatMap { quantity in
            quantity.windows.flatMap { window in
                [false, true].map { Name(quantity: quantity, window: window, observes: $0) }
            }
        }

        package var description: String {
            let base = window == .concurrent ? quantity.word : "\(quantity.word)-per-\(window.rawValue)"
            return observes ? base + "-observe" : base
        }
    }

    /// Its name among the limits of a plan.
    package var name: Name { Name(quantity: quantity, window: window, observes: excess == .observe) }

    /// What follows the figures in a reply: "recipients per day"; "per day" for sizes, whose figures have a unit.
    ///
    /// "\(spell(used)) of \(spell(allowed)) \(phrase) used" is a sentence for every limit.
    package var phrase: String {
        switch (quantity, window) {
        case (_, .concurrent): quantity.word
        case (.octets, _): "per \(window.rawValue)"
        case (_, _): "\(quantity.word) per \(window.rawValue)"
        }
    }

    /// A count of this limit's quantity for a person: "1000", or a size such as "1.9 GB".
    package func spell(_ count: Int64) -> String {
        guard quantity == .octets else { return String(count) }
        let exact = Size.exact(count)
        guard exact.unit == "B", let unit = Size.units.first(where: { $0.octets > 1 && $0.octets <= count }) else {
            return "\(exact.count) \(exact.unit)"
        }
        let tenths = count / (unit.octets / 10)
        return "\(tenths / 10).\(tenths % 10) \(unit.name)"
    }
}

extension Limit: CustomStringConvertible {
    /// The limit as a plan writes it; parsing it gives the same limit.
    package var description: String {
        var text: String
        switch quantity {
        case .octets:
            let size = Size.exact(allowed)
            text = "\(size.count) \(size.unit)"
        case .messages, .recipients, .refusals, .connections:
            text = "\(allowed) \(allowed == 1 ? String(quantity.word.dropLast()) : quantity.word)"
        }
        if window != .concurrent { text += " per \(window.rawValue)" }
        if calendar { text += ", calendar" }
        if excess != Limit.defaultExcess(of: quantity, per: window) { text += ", \(excess.rawValue)" }
        return text
    }

    /// What happens beyond a limit that does not say: later where time cures it, never where one message cannot fit.
    package static func defaultExcess(of quantity: Quantity, per window: Window) -> Excess {
        quantity == .octets && window == .message ? .rejection : .deferral
    }
}

extension Limit.Quantity {
    /// The quantity as limits and their names call it.
    package var word: String { self == .octets ? "size" : rawValue }

    /// The windows in which it can be counted.
    var windows: [Limit.Window] {
        switch self {
        case .connections: [.concurrent]
        case .messages, .refusals: [.hour, .day]
        case .recipients, .octets: [.message, .hour, .day]
        }
    }
}

/// The units of sizes, as policies write them.
enum Size {
    /// From the largest down; decimal before binary where both divide a size.
    static let units: [(name: String, octets: Int64)] = [
        ("GB", 1_000_000_000), ("GiB", 1 << 30), ("MB", 1_000_000), ("MiB", 1 << 20), ("KB", 1000), ("KiB", 1 << 10),
        ("B", 1),
    ]

    /// The size in the largest unit that divides it.
    static func exact(_ octets: Int64) -> (count: Int64, unit: String) {
        // Every unit divides 0.
        guard octets != 0 else { return (0, "B") }
        for unit in units where octets % unit.octets == 0 { return (octets / unit.octets, unit.name) }
        return (octets, "B")
    }
}
