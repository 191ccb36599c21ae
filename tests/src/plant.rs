//! A structure that collections hold.

use serde::{Deserialize, Serialize};

/// A plant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plant {
    /// Its name.
    pub name: String,
    /// Its benefit for health.
    pub healthiness: f64,
    /// True if it tastes good.
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
