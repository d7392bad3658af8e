import Testing

/// The real daemon between real programs. One at a time: they measure, and want the processors.
///
/// Each threat that the gateway is to withstand has a test that names its number: 1 and 15 in ``Strings`` and ``Limits``, 4 to 6 in
/// ``RelayThreats``, 10, 13, 16 and 20 to 22 in ``LoginThreats``, 27 to 29 in ``LoadThreats``, the others in ``DialogueThreats``.
/// Beside them: threat 8 and 24 are fuzzed in `Tests/Fuzz`, damaged files of threat 10 are in `FaultTests`, host names of threat 13
/// in `ResolverTests`, the pace of threat 27 is in `PaceTests`.
@Suite("Scenarios", .serialized)
enum Scenarios {}
