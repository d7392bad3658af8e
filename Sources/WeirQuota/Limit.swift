/// One line of a plan: how much of what, in which time, and what happens beyond it.
package struct Limit: Hashable, Sendable {
    package enum Quantity: String, CaseIterable, Sendable {
        case messages, recipients, refusals, connections, octets
    }

    package enum Window: String, CaseIterable, Sendable {
        /// At one time: only for connections.
        case concurrent
        case message, hour, day
    }

    package enum Excess: String, CaseIterable, Sendable {
        case deferral = "defer"
        case rejection = "reject"
        case observe
    }

    package var quantity: Quantity
    package var window: Window
    /// Resets at the hour or at local midnight; otherwise the window rolls.
    package var calendar: Bool
    package var excess: Excess
    /// The most that passes; octets for sizes. 0 lets nothing pass.
    package var allowed: Int64

    package init(quantity: Quantity, window: Window, calendar: Bool, excess: Excess, allowed: Int64) {
        self.quantity = quantity
        self.window = window
        self.calendar = calendar
        self.excess = excess
        self.allowed = allowed
    }
}
