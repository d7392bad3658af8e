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

        .target(name: "WeirBase", swiftSettings: pure),
        .target(name: "WeirSMTP", swiftSettings: pure),
        .target(name: "WeirQuota", dependencies: ["WeirBase"], swiftSettings: pure),
        .target(name: "WeirReputation", dependencies: ["WeirBase"], swiftSettings: pure),

        .target(name: "WeirConfiguration", dependencies: ["CYAML", "WeirBase", "WeirQuota"], swiftSettings: strict),
        .target(
            name: "WeirRuntime", dependencies: ["CLinux", "COpenSSL", "CAres", "CCrypt", "WeirBase"],
            swiftSettings: strict),
        .target(
            name: "WeirStore", dependencies: ["CSQLite", "WeirBase", "WeirQuota", "WeirRuntime"],
            swiftSettings: strict),
        .target(
            name: "WeirGateway",
            dependencies: [
                "WeirBase", "WeirConfiguration", "WeirQuota", "WeirReputation", "WeirRuntime", "WeirSMTP", "WeirStore",
            ],
            swiftSettings: strict),
        .target(
            name: "WeirAdmin",
            dependencies: [
                "CMicroHTTPD", "WeirBase", "WeirConfiguration", "WeirGateway", "WeirQuota", "WeirReputation",
                "WeirRuntime", "WeirStore",
            ],
            exclude: ["openapi.yaml"], swiftSettings: strict),
        .executableTarget(
            name: "weir",
            dependencies: [
                "WeirAdmin", "WeirBase", "WeirConfiguration", "WeirGateway", "WeirQuota", "WeirReputation",
                "WeirRuntime", "WeirSMTP", "WeirStore",
            ],
            swiftSettings: strict),

        .target(
            name: "TestKit", dependencies: ["WeirBase", "WeirReputation"], path: "Tests/TestKit", swiftSettings: strict),
        tests("WeirBaseTests", ["WeirBase"]),
        tests("WeirSMTPTests", ["WeirSMTP"]),
        tests("WeirQuotaTests", ["WeirBase", "WeirQuota"]),
        tests("WeirReputationTests", ["WeirBase", "WeirReputation", "weir"]),
        tests("WeirConfigurationTests", ["WeirBase", "WeirConfiguration", "WeirQuota"]),
        tests("WeirRuntimeTests", ["WeirBase", "WeirRuntime"]),
        tests("WeirStoreTests", ["WeirBase", "WeirQuota", "WeirRuntime", "WeirStore"]),
        tests(
            "WeirAdminTests",
            ["WeirAdmin", "WeirBase", "WeirConfiguration", "WeirGateway", "WeirQuota", "WeirRuntime", "WeirStore"]),
        tests(
            "WeirGatewayTests",
            [
                "WeirAdmin", "WeirBase", "WeirConfiguration", "WeirGateway", "WeirQuota", "WeirReputation",
                "WeirRuntime",
                "WeirStore", "weir",
            ]),
        tests(
            "SimulationTests",
            [
                "WeirBase", "WeirConfiguration", "WeirGateway", "WeirQuota", "WeirReputation", "WeirRuntime",
                "WeirSMTP",
                "WeirStore",
            ]),
        tests("HouseRulesTests", []),
        tests("DemoTests", ["WeirConfiguration", "WeirQuota", "weir"]),
        tests(
            "ScenarioTests",
            ["WeirBase", "WeirGateway", "WeirQuota", "WeirReputation", "WeirRuntime", "WeirSMTP", "WeirStore", "weir"]),
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
