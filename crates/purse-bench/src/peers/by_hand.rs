//! The crates that the codecs are made of, called by hand.

use std::hint::black_box;
use std::time::Instant;

use futures::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::order::{Answer, Order, Result};
use crate::peer::Peer;
use crate::values::{self, NUMBER};

pub(crate) struct ByHand(pub(crate) String);

pub(crate) fn is_one(name: &str) -> bool {
    matches!(name, "serde_json" | "bincode" | "rmp-serde" | "std")
}

impl Peer for ByHand {
    fn run<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Answer>> {
        Box::pin(async move {
            let encodes = order.op.starts_with("encode");
            match order.op.rsplit('_').next().unwrap_or_default() {
                "small" => self.serde(order, encodes, &values::small()),
                "large" => self.serde(order, encodes, &values::large()),
                "text" => repeat(
                    order,
                    encodes,
                    &values::text(),
                    |text| Ok(text.clone().into_bytes()),
                    |bytes| Ok(std::str::from_utf8(bytes)?.to_owned()),
                ),
                _ => repeat(
                    order,
                    encodes,
                    &NUMBER,
                    |number| Ok(number.to_string().into_bytes()),
                    |bytes| Ok(std::str::from_utf8(bytes)?.parse()?),
                ),
            }
        })
    }
}

impl ByHand {
    fn serde<T: Serialize + DeserializeOwned>(
        &self,
        order: &Order,
        encodes: bool,
        value: &T,
    ) -> Result<Answer> {
        let standard = bincode::config::standard();
        match self.0.as_str() {
            "serde_json" => repeat(
                order,
                encodes,
                value,
                |value| Ok(serde_json::to_vec(value)?),
                |bytes| Ok(serde_json::from_slice(bytes)?),
            ),
            "bincode" => repeat(
                order,
                encodes,
                value,
                |value| Ok(bincode::serde::encode_to_vec(value, standard)?),
                |bytes| Ok(bincode::serde::decode_from_slice(bytes, standard)?.0),
            ),
            _ => repeat(
                order,
                encodes,
                value,
                |value| Ok(rmp_serde::to_vec_named(value)?),
                |bytes| Ok(rmp_serde::from_slice(bytes)?),
            ),
        }
    }
}

fn repeat<T>(
    order: &Order,
    encodes: bool,
    value: &T,
    encode: impl Fn(&T) -> Result<Vec<u8>>,
    decode: impl Fn(&[u8]) -> Result<T>,
) -> Result<Answer> {
    let bytes = encode(value)?;
    let started = Instant::now();
    for _ in 0..order.count {
        if encodes {
            black_box(encode(black_box(value))?);
        } else {
            black_box(decode(black_box(&bytes))?);
        }
    }
    Ok(Answer::new(started.elapsed(), order.count))
}
