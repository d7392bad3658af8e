import WeirBase
import WeirConfiguration
import WeirQuota
package import WeirRuntime
import WeirSMTP

/// Why no relay could be had, for the reply and for the log.
enum RelayUnavailable: Error, Equatable {
    /// None could be reached, or all rest.
    case unreachable
    /// All connections are in use, and none came free in time.
    case busy
    /// None that can be had offers what the message needs.
    case lacksExtension
    case interrupted
}

/// What a session asks of the relays.
struct RelaySearch {
    let relays: Relays
    /// Whose share of the connections it is.
    let account: SubjectID
    let needed: Extensions.Keywords
    /// Relays that are passed over.
    var excluded: [RelayState] = []
    /// Whether the connection is to be one that carried nothing yet.
    var isNew = false
    let waiter: Waiter
    /// When all of it is over.
    let end: Instant
    /// How long it waits where all are busy; 0: it looks once.
    var patience = RelayPool.patience
}

/// One loop's connections to the relays that are idle at present, and the way to one that is ready.
///
/// `@unchecked Sendable`: touched on its loop's thread alone; other loops post to it.
package final class RelayPool: @unchecked Sendable {
    private let loop: RuntimeExecutor
    private var connector: RelayConnector
    /// By relay, in the order in which they were first used.
    private var shelves: [Shelf] = []
    private var isClosed = false

    private final class Shelf {
        let relay: RelayState
        var connections: [RelayConnection] = []

        init(_ relay: RelayState) { self.relay = relay }
    }

    package init(loop: RuntimeExecutor, connector: RelayConnector) {
        self.loop = loop
        self.connector = connector
    }

    /// From now on connects as a new configuration says.
    func adopt(_ connector: RelayConnector) { self.connector = connector }

    /// The longest search, and the longest that a client waits for an answer while relays are sought or asked: its own patience ends after
    /// 5 minutes (RFC 5321, 4.5.3.2).
    static let searchMax: UInt64 = 4 * .minute
    /// How long a session waits for a connection to come free.
    static let patience: UInt64 = 30 * .second
    /// With less than this left of a search no relay is tried any more: it would be blamed for what took the time before.
    static let attemptMin: UInt64 = .minute

    /// A connection ready for MAIL, of a relay that is up and offers what is needed.
    func borrow(_ search: RelaySearch) async throws(RelayUnavailable) -> RelayConnection {
        var search = search
        let deadline = min(loop.now + search.patience, search.end)
        while true {
            switch try await claim(search, until: deadline) {
            case .idle(let connection):
                if connection.offered.offers(search.needed) { return connection }
                // It was made when the relay offered less.
                retire(connection, by: search.account)
            case .toOpen(let relay):
                if let connection = await open(relay, search) {
                    if connection.offered.offers(search.needed) { return connection }
                    giveBack(connection, by: search.account)
                }
                search.excluded.append(relay)
            }
        }
    }

    /// A connection that is counted as the account's.
    private enum Claimed {
        case idle(RelayConnection)
        case toOpen(RelayState)
    }

    /// Claims a connection of whichever relay has one, and stands in line at all that are busy until one comes free.
    private func claim(_ search: RelaySearch, until deadline: Instant) async throws(RelayUnavailable) -> Claimed {
        var lines: [RelayState] = []
        defer { for relay in lines { relay.leaveLine(search.waiter) } }
        while true {
            if search.waiter.isInterrupted { throw .interrupted }
            let candidates = search.relays.candidates(excluding: search.excluded)
            guard !candidates.isEmpty else { throw .unreachable }
            guard loop.now + RelayPool.attemptMin <= search.end else { throw lines.isEmpty ? .unreachable : .busy }
            var able = candidates.filter { $0.offered?.offers(search.needed) ?? true }
            guard !able.isEmpty else { throw .lacksExtension }
            // Those that keep silent are left out where others are there.
            let answering = able.filter { !$0.isSilent(at: loop.now) }
            if !answering.isEmpty { able = answering }
            // A turn at one that is not asked any more is the next one's.
            for relay in lines where !able.contains(where: { $0 === relay }) { relay.leaveLine(search.waiter) }
            lines.removeAll { relay in !able.contains { $0 === relay } }
            var isBusy = false
            for relay in able {
                // One of weight 0 is for when all others fail, not for when they are busy.
                if relay.settings.weight == 0, isBusy { break }
                let idleAtHand = !search.isNew && hasIdle(relay)
                let claim = relay.claim(for: search.account, idleAtHand: idleAtHand, by: search.waiter, at: loop.now)
                if claim == .wait {
                    isBusy = isBusy || relay.settings.weight > 0
                    if !lines.contains(where: { $0 === relay }) { lines.append(relay) }
                    continue
                }
                lines.removeAll { $0 === relay }
                guard claim == .reuse else { return .toOpen(relay) }
                guard let connection = takeIdle(relay, for: search.waiter) else {
                    preconditionFailure("an idle connection was at hand")
                }
                return .idle(connection)
            }
            guard loop.now < deadline else { throw .busy }
            for relay in lines { search.relays.shedIdle(of: relay, except: self) }
            await search.waiter.wait(until: deadline)
        }
    }

    private func open(_ relay: RelayState, _ search: RelaySearch) async -> RelayConnection? {
        let (connector, loop) = (connector, loop)
        let (waiter, end) = (search.waiter, search.end)
        let made = await loop.aside { () async -> Connected? in
            do throws(RelayFailure) {
                return Connected(
                    connection: try await connector.connect(to: relay, on: loop, waiter: waiter, until: end))
            } catch {
                return nil
            }
        }
        if let made { return made.connection }
        relay.closed()
        relay.release(by: search.account)
        return nil
    }

    /// `@unchecked Sendable`: handed from task to task on one loop.
    private struct Connected: @unchecked Sendable {
        let connection: RelayConnection
    }

    /// Connects to a relay that nobody asked for, to learn what it offers and whether it is back; the connection is kept.
    package func probe(_ relay: RelayState, waiter: Waiter) async {
        relay.opened()
        do throws(RelayFailure) {
            let end = loop.now + RelayPool.searchMax
            keep(try await connector.connect(to: relay, on: loop, waiter: waiter, until: end))
        } catch {
            relay.closed()
        }
    }

    /// Takes back a connection that `account` had borrowed: keeps it if it is clean, closes it otherwise.
    func giveBack(_ connection: RelayConnection, by account: SubjectID) {
        let relay = connection.relay
        if connection.isReusable(now: loop.now), !relay.isWanted(elsewhereThan: loop) {
            keep(connection)
        } else {
            return retire(connection, by: account)
        }
        relay.release(by: account)
    }

    private func retire(_ connection: RelayConnection, by account: SubjectID) {
        discard(connection)
        connection.relay.release(by: account)
    }

    /// Closes a connection in mid-message, or after its state was lost.
    func abandon(_ connection: RelayConnection, by account: SubjectID) {
        connection.abandon()
        connection.relay.closed()
        connection.relay.release(by: account)
    }

    private func shelf(of relay: RelayState) -> Shelf? { shelves.first { $0.relay === relay } }

    private func hasIdle(_ relay: RelayState) -> Bool { shelf(of: relay)?.connections.isEmpty == false }

    /// The one that was used last: the others may grow old and go.
    private func takeIdle(_ relay: RelayState, for waiter: Waiter) -> RelayConnection? {
        guard let connection = shelf(of: relay)?.connections.popLast() else { return nil }
        connection.wake(for: waiter)
        return connection
    }

    /// Keeps a connection that is ready for MAIL and that nobody uses.
    func keep(_ connection: RelayConnection) {
        guard !isClosed else { return discard(connection) }
        let shelf: Shelf
        if let known = self.shelf(of: connection.relay) {
            shelf = known
        } else {
            shelf = Shelf(connection.relay)
            shelves.append(shelf)
        }
        shelf.connections.append(connection)
        connection.rest(now: loop.now) { [weak self, unowned connection] in self?.drop(connection) }
    }

    /// An idle connection heard something (its relay has closed it, or is out of step), or is not wanted any more.
    private func drop(_ connection: RelayConnection) {
        shelf(of: connection.relay)?.connections.removeAll { $0 === connection }
        discard(connection)
    }

    private func discard(_ connection: RelayConnection) {
        connection.close()
        connection.relay.closed()
    }

    /// Closes every idle connection, and keeps none from now on.
    func close() {
        isClosed = true
        sweep { _ in false }
    }

    /// Closes idle connections that have rested too long; all of them, of relays that `isInUse` disowns.
    func sweep(isInUse: (RelayState) -> Bool) {
        let now = loop.now
        for shelf in shelves {
            let isInUse = isInUse(shelf.relay)
            for connection in shelf.connections
            where !isInUse || now.since(connection.idleSince) >= RelayConnection.idleMax {
                drop(connection)
            }
        }
        shelves.removeAll { $0.connections.isEmpty }
    }

    /// Closes one idle connection of `relay`, so that another loop may open one; from any thread.
    func shed(_ relay: RelayState) {
        loop.post {
            if let connection = self.shelf(of: relay)?.connections.first { self.drop(connection) }
        }
    }
}
