//! A structure that collections hold.

use serde::{Deserialize, Serialize};

/// A plant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plant {
    /// What it is called.
    pub name: String,
    /// How good it is for you.
    pub healthiness: f64,
    /// Whether it tastes.
    pub tasty: bool,
}

/// A plant, always the same one.
#[must_use]
pub fn carrot() -> Plant {
    Plant {
        name: "carrot".into(),
        healthiness: 5.0,
        tasty: false,
    }
}
