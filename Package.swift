// swift-tools-version: 6.3
import PackageDescription

/// What every target is built with: language mode 6, and every warning an error.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
    // Checked in debug builds, where the tests run; in release they cost a tenth of the processor time of a recipient.
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

/// A pure target knows no socket, clock, task, lock, file or log; every unsafe expression in it is marked.
let pure: [SwiftSetting] = strict + [.strictMemorySafety()]

/// Targets of tests: the test kit drives real programs, and is a library of its own.
func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies + ["TestKit"], path: "Tests/\(name)", swiftSettings: strict)
}

let package = Package(
    name: "weir",
    products: [.executable(name: "weir", targets: ["weir"])],
    targets: [
        .target(name: "CLinux"),
        .systemLibrary(name: "COpenSSL", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CSQLite", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CAres", providers: [.apt(["libc-ares-dev"])]),
        .systemLibrary(name: "CYAML", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CMicroHTTPD", providers: [.apt(["libmicrohttpd-dev"])]),
        .systemLibrary(name: "CCrypt", providers: [.apt(["libcrypt-dev"])]),

        .target(name: "WeirTime", swiftSettings: pure),
        .target(name: "WeirSMTP", swiftSettings: pure),
        .target(name: "WeirQuota", dependencies: ["WeirTime"], swiftSettings: pure),
        .target(name: "WeirReputation", dependencies: ["WeirTime"], swiftSettings: pure),

        .target(name: "WeirConfiguration", dependencies: ["CYAML", "WeirQuota", "WeirTime"], swiftSettings: strict),
        .target(
            name: "WeirRuntime", dependencies: ["CLinux", "COpenSSL", "CAres", "CCrypt", "WeirTime"],
            swiftSettings: strict),
        .target(
            name: "WeirStore", dependencies: ["CSQLite", "WeirQuota", "WeirRuntime", "WeirTime"],
            swiftSettings: strict),
        .target(
            name: "WeirGateway",
            dependencies: ["WeirConfiguration", "WeirQuota", "WeirRuntime", "WeirSMTP", "WeirStore", "WeirTime"],
            swiftSettings: strict),
        .target(
            name: "WeirAdmin",
            dependencies: [
                "CMicroHTTPD", "WeirConfiguration", "WeirGateway", "WeirQuota", "WeirRuntime", "WeirStore", "WeirTime",
            ],
            exclude: ["openapi.yaml"], swiftSettings: strict),
        .executableTarget(
            name: "weir",
            dependencies: [
                "WeirAdmin", "WeirConfiguration", "WeirGateway", "WeirQuota", "WeirReputation", "WeirRuntime",
                "WeirSMTP", "WeirStore", "WeirTime",
            ],
            swiftSettings: strict),

        .target(name: "TestKit", path: "Tests/TestKit", swiftSettings: strict),
        tests("WeirSMTPTests", ["WeirSMTP"]),
        tests("WeirQuotaTests", ["WeirQuota", "WeirTime"]),
        tests("WeirReputationTests", ["WeirReputation", "WeirTime", "weir"]),
        tests("WeirConfigurationTests", ["WeirConfiguration", "WeirQuota", "WeirTime"]),
        tests("WeirRuntimeTests", ["WeirRuntime", "WeirTime"]),
        tests("WeirStoreTests", ["WeirStore", "WeirQuota", "WeirRuntime", "WeirTime"]),
        tests("WeirAdminTests", ["WeirAdmin", "WeirGateway", "WeirQuota", "WeirRuntime", "WeirStore", "WeirTime"]),
        tests(
            "WeirGatewayTests",
            ["WeirAdmin", "WeirConfiguration", "WeirGateway", "WeirRuntime", "WeirStore", "WeirTime", "weir"]),
        tests(
            "SimulationTests",
            ["WeirConfiguration", "WeirGateway", "WeirQuota", "WeirRuntime", "WeirSMTP", "WeirStore", "WeirTime"]),
        tests("HouseRulesTests", []),
        tests("DemoTests", ["WeirConfiguration", "WeirQuota", "weir"]),
        tests(
            "ScenarioTests", ["WeirGateway", "WeirQuota", "WeirRuntime", "WeirSMTP", "WeirStore", "WeirTime", "weir"]),
    ],
    swiftLanguageModes: [.v6]
)

// Fuzzers, each a program of one file: WEIR_FUZZ=1 swift build --sanitize fuzzer --product FuzzCommandLine
if Context.environment["WEIR_FUZZ"] != nil {
    for (name, core) in [
        ("CommandLine", "WeirSMTP"), ("RelayReply", "WeirSMTP"), ("DataDecoder", "WeirSMTP"),
        ("YAML", "WeirConfiguration"),
    ] {
        package.products += [.executable(name: "Fuzz\(name)", targets: ["Fuzz\(name)"])]
        package.targets += [
            .executableTarget(
                name: "Fuzz\(name)", dependencies: [.byName(name: core)], path: "Tests/Fuzz/\(name)",
                swiftSettings: strict)
        ]
    }
}
