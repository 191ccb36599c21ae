//! Values to bytes and back; an operation is named like `encode_json_small`.

use std::hint::black_box;
use std::time::Instant;

use purse::{Bincode, Codec, Json, MsgPack, Plain};

use crate::order::{Answer, Order, Result};
use crate::values::{self, NUMBER};

pub(super) fn run(order: &Order) -> Result<Answer> {
    let mut parts = order.op.splitn(3, '_');
    let encodes = parts.next() == Some("encode");
    let codec = parts.next().unwrap_or_default();
    match (codec, parts.next().unwrap_or_default()) {
        ("json", "small") => repeat::<_, Json>(order, encodes, &values::small()),
        ("json", "large") => repeat::<_, Json>(order, encodes, &values::large()),
        ("bincode", "small") => repeat::<_, Bincode>(order, encodes, &values::small()),
        ("bincode", "large") => repeat::<_, Bincode>(order, encodes, &values::large()),
        ("msgpack", "small") => repeat::<_, MsgPack>(order, encodes, &values::small()),
        ("msgpack", "large") => repeat::<_, MsgPack>(order, encodes, &values::large()),
        ("plain", "small") => repeat::<_, Plain>(order, encodes, &values::small()),
        ("plain", "large") => repeat::<_, Plain>(order, encodes, &values::large()),
        ("plain", "text") => repeat::<_, Plain>(order, encodes, &values::text()),
        ("plain", "number") => repeat::<_, Plain>(order, encodes, &NUMBER),
        _ => Err(format!("purse has no {}", order.op).into()),
    }
}

fn repeat<T, C: Codec<T>>(order: &Order, encodes: bool, value: &T) -> Result<Answer> {
    let bytes = C::encode(value)?;
    let started = Instant::now();
    for _ in 0..order.count {
        if encodes {
            black_box(C::encode(black_box(value))?);
        } else {
            black_box(C::decode(black_box(&bytes))?);
        }
    }
    Ok(Answer::new(started.elapsed(), order.count))
}
