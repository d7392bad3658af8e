import Glibc
import WeirConfiguration
import WeirGateway
import WeirRuntime

/// The daemon, in the foreground.
enum Serve {
    /// Returns the exit status.
    static func run(_ installation: Installation) async -> Int32 {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGTERM)
        sigaddset(&signals, SIGINT)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        let loaded: LoadedConfiguration
        do throws(ConfigurationErrors) {
            loaded = try Configuration.load(installation.configuration)
        } catch {
            for error in error.errors { Terminal().note("\(error)") }
            return 78
        }
        let server: Server
        do throws(StartError) {
            server = try await Server(loaded)
        } catch {
            Terminal().note("weir: \(error)")
            return ExitStatus.unavailable
        }
        var received: Int32 = 0
        sigwait(&signals, &received)
        await server.stop()
        return 0
    }
}
