//! Values encoded to bytes and decoded from them; an operation is named like `encode_json_small`.

use std::hint::black_box;
use std::time::Instant;

use purse::{Bincode, Codec, Json, MsgPack, Plain};

use crate::protocol::{Request, Response, Result};
use crate::values::{self, NUMBER};

pub(super) fn run(request: &Request) -> Result<Response> {
    let mut parts = request.op.splitn(3, '_');
    let encodes = parts.next() == Some("encode");
    let codec = parts.next().unwrap_or_default();
    match (codec, parts.next().unwrap_or_default()) {
        ("json", "small") => repeat::<_, Json>(request, encodes, &values::small()),
        ("json", "large") => repeat::<_, Json>(request, encodes, &values::large()),
        ("bincode", "small") => repeat::<_, Bincode>(request, encodes, &values::small()),
        ("bincode", "large") => repeat::<_, Bincode>(request, encodes, &values::large()),
        ("msgpack", "small") => repeat::<_, MsgPack>(request, encodes, &values::small()),
        ("msgpack", "large") => repeat::<_, MsgPack>(request, encodes, &values::large()),
        ("plain", "small") => repeat::<_, Plain>(request, encodes, &values::small()),
        ("plain", "large") => repeat::<_, Plain>(request, encodes, &values::large()),
        ("plain", "text") => repeat::<_, Plain>(request, encodes, &values::text()),
        ("plain", "number") => repeat::<_, Plain>(request, encodes, &NUMBER),
        _ => Err(format!("purse has no {}", request.op).into()),
    }
}

fn repeat<T, C: Codec<T>>(request: &Request, encodes: bool, value: &T) -> Result<Response> {
    let bytes = C::encode(value)?;
    let started = Instant::now();
    for _ in 0..request.count {
        if encodes {
            black_box(C::encode(black_box(value))?);
        } else {
            black_box(C::decode(black_box(&bytes))?);
        }
    }
    Ok(Response::new(started.elapsed(), request.count))
}
