import Testing

/// The real daemon between real programs. One at a time: they measure, and want the processors.
@Suite("Scenarios", .serialized)
enum Scenarios {}
