import Glibc
import Synchronization
import WeirAdmin
import WeirConfiguration
import WeirGateway
import WeirRuntime

/// The daemon, in the foreground.
enum Serve {
    /// Returns the exit status.
    static func run(_ installation: Installation) async -> Int32 {
        let terminal = Terminal()
        let loaded: LoadedConfiguration
        do throws(ConfigurationErrors) {
            loaded = try installation.load()
        } catch {
            for error in error.errors { terminal.note("\(error)") }
            return ExitStatus.configuration
        }
        do throws(StartError) {
            let manager = ServiceManager()
            let signals = AsyncStream<Signals.Signal>.makeStream()
            do throws(SystemError) {
                try Signals.receive { signals.continuation.yield($0) }
            } catch {
                throw .system(error)
            }
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
            return 0
        } catch {
            for line in error.description.split(separator: "\n") { terminal.note("weir: \(line)") }
            return error.exitStatus
        }
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
