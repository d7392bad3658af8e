internal import CAres
internal import Glibc
import WeirBase

/// Whom the resolver asks, and for how long.
package struct DNSSettings: Sendable {
    /// A list such as `127.0.0.1:5353,[::1]:53`; nil for what `/etc/resolv.conf` says.
    package var servers: String?
    /// A server's time for the first try; it doubles with the second.
    package var tryMilliseconds: Int32

    package init(servers: String? = nil, tryMilliseconds: Int32 = 2_000) {
        self.servers = servers
        self.tryMilliseconds = tryMilliseconds
    }
}

/// Addresses of host names, asked of the system's name servers through c-ares; `/etc/hosts` comes first.
///
/// One for each loop, touched by its thread alone. Each waiting task drives the timeouts, so nothing runs when nobody asks. How long
/// an answer can take is bounded by the time of a try, ``tries``, and the number of servers.
final class Resolver {
    /// Names that may be remembered, and names that may be asked for at once.
    static let cachedMax = 1024
    static let lookupsMax = 256
    /// Bounds on how long an answer is believed, and how long a failure is.
    static let believedMin = 5 * UInt64.second
    static let believedMax = 5 * UInt64.minute
    static let tries: Int32 = 2

    private struct Answer {
        let result: Result<[IPAddress], ResolverError>
        let until: Instant
    }

    private let loop: EventLoop
    private let settings: DNSSettings
    private var channel: ares_channel?
    private var cache: [String: Answer] = [:]
    private var lookups: [String: Lookup] = [:]
    private var sockets: [Int32: ResolverSocket] = [:]

    init(loop: EventLoop, settings: DNSSettings) {
        self.loop = loop
        self.settings = settings
    }

    deinit { if let channel { ares_destroy(channel) } }

    /// The addresses of a host name, nearest first (RFC 6724).
    func resolve(_ host: String) async throws(ResolverError) -> [IPAddress] {
        guard let name = HostName.canonical(host) else { throw ResolverError(host: host, reason: "not a host name") }
        if let answer = cache[name], loop.now < answer.until { return try answer.result.get() }
        let lookup = if let same = lookups[name] { same } else { try begin(name) }
        let waiter = Waiter(on: loop)
        lookup.waiters.append(waiter)
        defer { waiter.retire() }
        while lookup.result == nil {
            await waiter.wait(until: loop.now + nextTimeout())
            if lookup.result == nil, let channel { ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD) }
        }
        settle(lookup)
        return try (lookup.result ?? .success([])).get()
    }

    private func begin(_ name: String) throws(ResolverError) -> Lookup {
        guard lookups.count < Resolver.lookupsMax else {
            throw ResolverError(host: name, reason: "too many names are being looked up")
        }
        let channel = try openChannel(for: name)
        let lookup = Lookup(name: name)
        lookups[name] = lookup
        var hints = ares_addrinfo_hints(
            ai_flags: 0, ai_family: AF_UNSPEC, ai_socktype: Int32(SOCK_STREAM.rawValue), ai_protocol: 0)
        ares_getaddrinfo(
            channel, name, nil, &hints, { Lookup.answered($0, $1, $3) }, Unmanaged.passRetained(lookup).toOpaque())
        return lookup
    }

    /// Remembers the answer; the first of those who waited does.
    private func settle(_ lookup: Lookup) {
        guard let result = lookup.result, lookups[lookup.name] === lookup else { return }
        lookups[lookup.name] = nil
        let now = loop.now
        if cache.count >= Resolver.cachedMax {
            cache = cache.filter { now < $0.value.until }
            if cache.count >= Resolver.cachedMax { cache = [:] }
        }
        let believed = min(max(lookup.lifetime, Resolver.believedMin), Resolver.believedMax)
        cache[lookup.name] = Answer(result: result, until: now + believed)
        // The servers themselves may have changed: the next channel reads them anew.
        if lookup.serversFailed, lookups.isEmpty { closeChannel() }
    }

    // MARK: - The channel

    private static let library: Int32 = ares_library_init(ARES_LIB_INIT_ALL)

    private func openChannel(for name: String) throws(ResolverError) -> ares_channel {
        if let channel { return channel }
        var options = ares_options()
        options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES
        options.timeout = settings.tryMilliseconds
        options.tries = Resolver.tries
        options.sock_state_cb = { data, descriptor, readable, writable in
            guard let data else { return }
            let resolver = Unmanaged<Resolver>.fromOpaque(data).takeUnretainedValue()
            resolver.watch(descriptor, readable != 0 || writable != 0)
        }
        options.sock_state_cb_data = Unmanaged.passUnretained(self).toOpaque()
        let mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB
        var channel: ares_channel?
        var status = Resolver.library
        if status == ARES_SUCCESS { status = ares_init_options(&channel, &options, mask) }
        if status == ARES_SUCCESS, let servers = settings.servers {
            status = ares_set_servers_ports_csv(channel, servers)
        }
        guard status == ARES_SUCCESS, let channel else {
            if let channel { ares_destroy(channel) }
            throw ResolverError(host: name, reason: Lookup.words(status))
        }
        self.channel = channel
        return channel
    }

    private func closeChannel() {
        if let channel { ares_destroy(channel) }
        channel = nil
    }

    private func nextTimeout() -> UInt64 {
        guard let channel, let microseconds = UInt64(exactly: cares_timeout(channel)) else { return .second }
        return max(microseconds * 1_000, .millisecond)
    }

    private func watch(_ descriptor: Int32, _ isWanted: Bool) {
        if !isWanted {
            sockets[descriptor]?.isOpen = false
            sockets[descriptor] = nil
            loop.unregister(descriptor)
        } else if sockets[descriptor] == nil {
            let socket = ResolverSocket(descriptor, of: self)
            // One that cannot be watched is noticed by its timeout.
            guard (try? loop.register(descriptor, observer: socket)) != nil else { return }
            sockets[descriptor] = socket
        }
    }

    /// Reads all that has come, as an edge-triggered descriptor wants: c-ares itself takes one piece of a stream at a time.
    fileprivate func process(_ socket: ResolverSocket, _ readiness: Readiness) {
        let descriptor = socket.descriptor
        if readiness.writable, let channel { ares_process_fd(channel, ARES_SOCKET_BAD, descriptor) }
        guard readiness.readable else { return }
        var octet: UInt8 = 0
        for _ in 0..<Resolver.piecesMax where socket.isOpen {
            guard let channel else { return }
            ares_process_fd(channel, descriptor, ARES_SOCKET_BAD)
            guard socket.isOpen, recv(descriptor, &octet, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) >= 0
            else { return }
        }
    }

    /// The most pieces that are read at one go; an answer over TCP is at most 64 KiB.
    private static let piecesMax = 256
}

/// One of c-ares's sockets. It is the loop's observer, and dies with its registration.
private final class ResolverSocket: DescriptorObserver {
    let descriptor: Int32
    var isOpen = true
    private unowned let resolver: Resolver

    init(_ descriptor: Int32, of resolver: Resolver) {
        self.descriptor = descriptor
        self.resolver = resolver
    }

    func descriptorReady(_ readiness: Readiness) { resolver.process(self, readiness) }
}

/// One question that is out, with everybody who waits for its answer.
private final class Lookup {
    let name: String
    var waiters: [Waiter] = []
    private(set) var result: Result<[IPAddress], ResolverError>?
    /// The answer's own time to live, in nanoseconds; 0 for a failure.
    private(set) var lifetime: UInt64 = 0
    /// No server gave an answer that could be used.
    private(set) var serversFailed = false

    init(name: String) { self.name = name }

    static func words(_ status: Int32) -> String {
        ares_strerror(status).map { String(cString: $0) } ?? "error \(status)"
    }

    static func answered(
        _ argument: UnsafeMutableRawPointer?, _ status: Int32, _ answer: UnsafeMutablePointer<ares_addrinfo>?
    ) {
        guard let argument else { return }
        let lookup = Unmanaged<Lookup>.fromOpaque(argument).takeRetainedValue()
        lookup.finish(status, answer)
        if let answer { ares_freeaddrinfo(answer) }
    }

    private func finish(_ status: Int32, _ answer: UnsafeMutablePointer<ares_addrinfo>?) {
        var addresses: [IPAddress] = []
        var seconds = Int32.max
        var node = answer?.pointee.nodes
        while let current = node?.pointee {
            if let address = IPAddress(current.ai_addr, count: Int(current.ai_addrlen)),
                !addresses.contains(address)
            {
                addresses.append(address)
            }
            seconds = min(seconds, max(0, current.ai_ttl))
            node = current.ai_next
        }
        if status == ARES_SUCCESS, !addresses.isEmpty {
            lifetime = UInt64(seconds) * .second
            result = .success(addresses)
        } else {
            let isAnswer = [ARES_SUCCESS, ARES_ENOTFOUND, ARES_ENODATA].contains(status)
            serversFailed = !isAnswer
            let reason = status == ARES_SUCCESS ? "no addresses" : Lookup.words(status)
            result = .failure(ResolverError(host: name, reason: reason))
        }
        for waiter in waiters { waiter.signal() }
    }
}

extension IPAddress {
    /// Copies an address that a C library holds, such as one of `getaddrinfo`'s.
    fileprivate init?(_ address: UnsafePointer<sockaddr>?, count: Int) {
        guard let address, count > 0, count <= MemoryLayout<sockaddr_storage>.size else { return nil }
        var storage = sockaddr_storage()
        withUnsafeMutableBytes(of: &storage) {
            $0.copyMemory(from: UnsafeRawBufferPointer(start: address, count: count))
        }
        guard let copied = SocketAddress(storage) else { return nil }
        self = copied.ip
    }
}
