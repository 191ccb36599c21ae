//! The values that the works of codecs encode and decode.

use serde::{Deserialize, Serialize};

/// A small struct: about 60 bytes of JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Small {
    id: u64,
    name: String,
    score: f64,
    active: bool,
}

/// A large struct: about 10 kB of JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Large {
    items: Vec<Small>,
}

pub(crate) fn small() -> Small {
    Small {
        id: 123_456,
        name: "spinach and more".to_owned(),
        score: 9.75,
        active: true,
    }
}

pub(crate) fn large() -> Large {
    Large {
        items: vec![small(); 150],
    }
}

pub(crate) fn text() -> String {
    "a text of some thirty letters!".to_owned()
}

pub(crate) const NUMBER: i64 = 1_234_567_890;
