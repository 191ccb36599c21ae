//! Values encoded to bytes and decoded from them, without a server.

use crate::works::Work;

const PAIRS: [(&str, &[&str]); 10] = [
    ("json_small", &["serde_json"]),
    ("json_large", &["serde_json"]),
    ("bincode_small", &["bincode"]),
    ("bincode_large", &["bincode"]),
    ("msgpack_small", &["rmp-serde"]),
    ("msgpack_large", &["rmp-serde"]),
    ("plain_small", &["serde_json"]),
    ("plain_large", &["serde_json"]),
    ("plain_text", &["std"]),
    ("plain_number", &["std"]),
];

pub(crate) fn works(_quick: bool) -> Vec<Work> {
    let mut works = Vec::new();
    for (name, peers) in PAIRS {
        for direction in ["encode", "decode"] {
            let op = format!("{direction}_{name}");
            works.push(Work::new(op.clone(), &op, 1, peers));
        }
    }
    works
}
