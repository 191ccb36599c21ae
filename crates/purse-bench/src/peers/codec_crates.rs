//! The crates that purse's codecs are made of, called without purse.

use std::hint::black_box;
use std::time::Instant;

use futures::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::peers::Peer;
use crate::protocol::{Request, Response, Result};
use crate::values::{self, NUMBER};

/// The names of these peers.
pub(super) const NAMES: [&str; 4] = ["serde_json", "bincode", "rmp-serde", "std"];

pub(super) struct CodecCrate(pub(super) String);

impl Peer for CodecCrate {
    fn run<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            let encodes = request.op.starts_with("encode");
            match request.op.rsplit('_').next().unwrap_or_default() {
                "small" => self.serde(request, encodes, &values::small()),
                "large" => self.serde(request, encodes, &values::large()),
                "text" => repeat(
                    request,
                    encodes,
                    &values::text(),
                    |text| Ok(text.clone().into_bytes()),
                    |bytes| Ok(std::str::from_utf8(bytes)?.to_owned()),
                ),
                _ => repeat(
                    request,
                    encodes,
                    &NUMBER,
                    |number| Ok(number.to_string().into_bytes()),
                    |bytes| Ok(std::str::from_utf8(bytes)?.parse()?),
                ),
            }
        })
    }
}

impl CodecCrate {
    fn serde<T: Serialize + DeserializeOwned>(
        &self,
        request: &Request,
        encodes: bool,
        value: &T,
    ) -> Result<Response> {
        let standard = bincode::config::standard();
        match self.0.as_str() {
            "serde_json" => repeat(
                request,
                encodes,
                value,
                |value| Ok(serde_json::to_vec(value)?),
                |bytes| Ok(serde_json::from_slice(bytes)?),
            ),
            "bincode" => repeat(
                request,
                encodes,
                value,
                |value| Ok(bincode::serde::encode_to_vec(value, standard)?),
                |bytes| Ok(bincode::serde::decode_from_slice(bytes, standard)?.0),
            ),
            _ => repeat(
                request,
                encodes,
                value,
                |value| Ok(rmp_serde::to_vec_named(value)?),
                |bytes| Ok(rmp_serde::from_slice(bytes)?),
            ),
        }
    }
}

fn repeat<T>(
    request: &Request,
    encodes: bool,
    value: &T,
    encode: impl Fn(&T) -> Result<Vec<u8>>,
    decode: impl Fn(&[u8]) -> Result<T>,
) -> Result<Response> {
    let bytes = encode(value)?;
    let started = Instant::now();
    for _ in 0..request.count {
        if encodes {
            black_box(encode(black_box(value))?);
        } else {
            black_box(decode(black_box(&bytes))?);
        }
    }
    Ok(Response::new(started.elapsed(), request.count))
}
