import WeirAdmin
import WeirGateway
import WeirRuntime

/// The daemon, in the foreground.
enum Serve {
    /// Returns when a signal has ended it.
    static func run(_ installation: Installation) async throws {
        let loaded = try installation.load()
        let manager = ServiceManager()
        let signals = AsyncStream<Signals.Signal>.makeStream()
        try Signals.receive { signals.continuation.yield($0) }
        var options = Server.Options()
        options.sockets = ServiceManager.takeSockets()
        let server = try await Server(loaded, options)
        let daemon: AdminDaemon
        do throws(StartError) {
            daemon = try AdminDaemon(server, loaded)
        } catch {
            await server.stop()
            throw error
        }
        manager.notify(.ready, .status("relaying"))
        server.keepAlive(manager)
        await obey(signals.stream, daemon, manager)
        manager.notify(.stopping)
        await daemon.stop()
    }

    /// Carries out signals until one says to end.
    private static func obey(
        _ signals: AsyncStream<Signals.Signal>, _ daemon: AdminDaemon, _ manager: ServiceManager
    ) async {
        for await signal in signals {
            switch signal {
            case .terminate: return
            case .reload:
                manager.notify(.reloading)
                // What is wrong is on the log, and the old configuration stays in force.
                _ = try? await daemon.administration.reload(by: Actor(name: "SIGHUP"))
                manager.notify(.ready)
            }
        }
    }
}
