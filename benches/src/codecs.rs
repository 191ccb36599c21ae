//! Each codec, there and back.

use std::fmt;
use std::hint::black_box;

use purse_codec::{Bincode, Codec, Json, MsgPack, Plain, Raw};

use crate::values::{self, NUMBER};

/// A value that is encoded, or bytes that are decoded.
pub struct Coding {
    name: String,
    run: Box<dyn Fn()>,
}

impl Coding {
    /// What is done, such as `encode_json_small`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Does it once.
    pub fn run(&self) {
        (self.run)();
    }
}

/// All codecs with all values that they carry.
///
/// # Panics
/// Where a codec does not carry its value.
#[must_use]
pub fn codings() -> Vec<Coding> {
    let bytes = values::text().into_bytes();
    [
        all::<Plain>("plain"),
        all::<Json>("json"),
        all::<MsgPack>("msgpack"),
        all::<Bincode>("bincode"),
        both::<_, Raw>("raw_text", bytes.clone()).into(),
        both::<_, Raw>("raw_large", bytes.repeat(330)).into(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn all<C>(codec: &str) -> Vec<Coding>
where
    C: Codec<values::Small> + Codec<values::Large> + Codec<String> + Codec<i64>,
{
    [
        both::<_, C>(&format!("{codec}_small"), values::small()),
        both::<_, C>(&format!("{codec}_large"), values::large()),
        both::<_, C>(&format!("{codec}_text"), values::text()),
        both::<_, C>(&format!("{codec}_number"), NUMBER),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn both<T: 'static, C: Codec<T>>(name: &str, value: T) -> [Coding; 2] {
    let Ok(bytes) = C::encode(&value) else {
        panic!("{} does not encode {name}", C::NAME);
    };
    assert!(
        C::decode(&bytes).is_ok(),
        "{} does not decode {name}",
        C::NAME
    );
    [
        Coding {
            name: format!("encode_{name}"),
            run: Box::new(move || drop(black_box(C::encode(black_box(&value))))),
        },
        Coding {
            name: format!("decode_{name}"),
            run: Box::new(move || drop(black_box(C::decode(black_box(&bytes))))),
        },
    ]
}

impl fmt::Debug for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Coding").field(&self.name).finish()
    }
}
