//! The folders of each crate, and what each may import.

/// The folders of a crate, or files beside its `lib.rs` or `main.rs`, and what each may import, from
/// the lowest to the highest.
pub(crate) type Folders = &'static [(&'static str, &'static [&'static str])];

/// The source folder of each crate, and its table.
pub(crate) const FOLDERS: [(&str, Folders); 11] = [
    ("crates/purse-client/src", CLIENT_FOLDERS),
    ("crates/purse-lease/src", LEASE_FOLDERS),
    ("crates/purse-redlock/src", REDLOCK_FOLDERS),
    ("crates/purse-testkit/src", TESTKIT_FOLDERS),
    ("crates/purse-codec/src", CODEC_FOLDERS),
    ("crates/purse-collections/src", COLLECTIONS_FOLDERS),
    ("crates/purse-bench/src", BENCH_FOLDERS),
    ("crates/purse-bench/src/bin/plot", PLOT_FOLDERS),
    ("benches/src", BENCHES_FOLDERS),
    ("tests/faults/src", FAULTS_FOLDERS),
    ("examples/src", &[]),
];

const CLIENT_FOLDERS: Folders = &[
    ("error", &[]),
    ("util", &[]),
    ("resp", &[]),
    ("telemetry", &["error"]),
    ("config", &["error"]),
    ("command", &["error", "util", "resp", "config"]),
    (
        "connection",
        &["error", "util", "resp", "telemetry", "config", "command"],
    ),
    (
        "cluster",
        &[
            "error",
            "util",
            "telemetry",
            "config",
            "command",
            "connection",
        ],
    ),
    (
        "core",
        &[
            "error",
            "util",
            "telemetry",
            "config",
            "command",
            "connection",
            "cluster",
        ],
    ),
    ("scan", &["error", "config", "command", "core"]),
    (
        "tracking",
        &[
            "error",
            "util",
            "resp",
            "telemetry",
            "config",
            "command",
            "connection",
            "cluster",
            "core",
        ],
    ),
    (
        "delivery",
        &[
            "error",
            "util",
            "telemetry",
            "config",
            "command",
            "connection",
            "core",
            "tracking",
        ],
    ),
    (
        "client",
        &[
            "error",
            "util",
            "telemetry",
            "config",
            "command",
            "connection",
            "core",
            "scan",
            "tracking",
            "delivery",
        ],
    ),
];

const LEASE_FOLDERS: Folders = &[
    ("clock", &[]),
    ("extension_limits", &[]),
    ("shutdown_tracker", &[]),
    ("valid_until", &["clock"]),
    ("timer", &["clock"]),
    ("renewal", &["extension_limits", "clock", "valid_until"]),
    ("lost_reason", &[]),
    ("validity", &["clock", "timer", "lost_reason"]),
    ("lost", &["lost_reason", "validity"]),
];

const REDLOCK_FOLDERS: Folders = &[
    ("error", &[]),
    ("keys", &["error"]),
    ("config", &["error"]),
    ("tasks", &[]),
    ("telemetry", &["error", "keys"]),
    ("master", &["keys", "config", "telemetry"]),
    ("quorum", &["master"]),
    (
        "membership",
        &["error", "config", "telemetry", "master", "quorum"],
    ),
    ("state", &["error", "config", "tasks", "master", "quorum"]),
    (
        "lease",
        &["error", "tasks", "telemetry", "master", "quorum", "state"],
    ),
    (
        "acquire",
        &[
            "error",
            "tasks",
            "telemetry",
            "master",
            "quorum",
            "state",
            "lease",
        ],
    ),
    (
        "lock",
        &[
            "error",
            "keys",
            "config",
            "telemetry",
            "state",
            "lease",
            "acquire",
        ],
    ),
    (
        "election",
        &[
            "error", "keys", "tasks", "quorum", "state", "lease", "acquire", "lock",
        ],
    ),
    (
        "redlock",
        &["error", "keys", "master", "state", "lock", "election"],
    ),
    (
        "builder",
        &[
            "error",
            "config",
            "tasks",
            "master",
            "membership",
            "state",
            "redlock",
        ],
    ),
];

const TESTKIT_FOLDERS: Folders = &[
    ("release", &[]),
    ("error", &["release"]),
    ("protocol", &[]),
    ("binary", &["release", "error"]),
    ("process", &[]),
    ("relay", &["process"]),
    ("tls", &["error", "process", "relay"]),
    (
        "server",
        &["release", "error", "protocol", "binary", "process", "tls"],
    ),
    ("proxy", &["error", "relay", "server"]),
    ("group", &["error", "process", "protocol", "server"]),
];

const CODEC_FOLDERS: Folders = &[
    ("error", &[]),
    ("codec", &["error"]),
    ("scratch_buffer", &[]),
    ("bounded", &[]),
    ("into_arg", &["error", "codec", "scratch_buffer"]),
    ("into_pair", &[]),
    ("raw", &["error", "codec"]),
    ("readable", &["error", "codec"]),
    (
        "json",
        &["error", "codec", "scratch_buffer", "readable", "bounded"],
    ),
    (
        "plain",
        &["error", "codec", "scratch_buffer", "readable", "json"],
    ),
    ("lenient", &["error", "codec", "into_arg", "plain"]),
    (
        "msgpack",
        &["error", "codec", "scratch_buffer", "readable", "bounded"],
    ),
    (
        "bincode",
        &["error", "codec", "scratch_buffer", "readable", "bounded"],
    ),
    ("validated", &["error", "codec"]),
];

const COLLECTIONS_FOLDERS: Folders = &[
    ("ttl", &[]),
    ("number", &[]),
    ("number_args", &[]),
    ("conversion", &[]),
    ("handle", &[]),
    ("redis_key", &["ttl", "conversion", "handle"]),
    ("bulk", &["conversion"]),
    ("element_stream", &["handle"]),
    (
        "hash",
        &[
            "ttl",
            "number",
            "conversion",
            "handle",
            "redis_key",
            "bulk",
            "element_stream",
        ],
    ),
    (
        "lru_map",
        &["ttl", "conversion", "handle", "hash", "element_stream"],
    ),
    (
        "multimap",
        &[
            "conversion",
            "handle",
            "redis_key",
            "bulk",
            "element_stream",
        ],
    ),
    (
        "list",
        &[
            "conversion",
            "handle",
            "redis_key",
            "bulk",
            "element_stream",
            "number_args",
        ],
    ),
    (
        "set",
        &[
            "conversion",
            "handle",
            "redis_key",
            "bulk",
            "element_stream",
        ],
    ),
    (
        "sorted_set",
        &[
            "conversion",
            "handle",
            "redis_key",
            "bulk",
            "element_stream",
            "number_args",
            "list",
        ],
    ),
    (
        "keyspace",
        &[
            "ttl",
            "number",
            "conversion",
            "handle",
            "redis_key",
            "bulk",
            "element_stream",
        ],
    ),
    ("queue", &["conversion", "handle", "redis_key", "bulk"]),
    ("cell", &["conversion", "handle", "redis_key"]),
    ("counter", &["number", "conversion", "handle", "redis_key"]),
    ("bits", &["conversion", "handle", "redis_key", "bulk"]),
    ("geo", &["conversion", "handle", "redis_key", "bulk"]),
];

const BENCH_FOLDERS: Folders = &[
    ("format", &[]),
    ("protocol", &[]),
    ("statistics", &[]),
    ("values", &[]),
    ("load", &["protocol"]),
    ("peers", &["protocol", "load", "values"]),
    ("works", &["protocol", "peers"]),
    ("servers", &["protocol", "works"]),
    ("report", &["format", "protocol"]),
    (
        "measure",
        &[
            "protocol",
            "statistics",
            "peers",
            "works",
            "servers",
            "report",
        ],
    ),
    (
        "comparison",
        &["protocol", "peers", "works", "servers", "report", "measure"],
    ),
];

const PLOT_FOLDERS: Folders = &[
    ("results", &[]),
    ("chart", &[]),
    ("panels", &["results", "chart"]),
    ("page", &["results"]),
];

const BENCHES_FOLDERS: Folders = &[
    ("error", &[]),
    ("values", &[]),
    ("report", &[]),
    ("budget", &["error"]),
    ("clients", &["error"]),
    ("codecs", &["values"]),
    ("operations", &["error", "clients"]),
    ("fixture", &["error", "clients", "operations"]),
    ("instructions", &["error", "codecs", "operations"]),
];

const FAULTS_FOLDERS: Folders = &[
    ("error", &[]),
    ("clock", &[]),
    ("resource", &[]),
    ("history", &["clock"]),
    ("checker", &["clock", "history"]),
    ("fault", &["error"]),
    ("contender", &["error", "clock", "resource", "history"]),
    (
        "rig",
        &[
            "error",
            "resource",
            "history",
            "checker",
            "fault",
            "contender",
        ],
    ),
    ("campaign", &["error", "checker", "fault", "rig"]),
];
