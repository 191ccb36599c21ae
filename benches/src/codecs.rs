//! Each codec, in both directions.

use std::fmt;
use std::hint::black_box;

use purse_codec::{Bincode, Codec, Json, MsgPack, Plain, Raw};

use crate::values::{self, NUMBER};

/// A codec that encodes one value, or decodes its bytes.
pub struct CodecCase {
    name: String,
    run: Box<dyn Fn()>,
}

impl CodecCase {
    /// Returns the name, such as `encode_json_small`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Encodes or decodes the value once.
    pub fn run(&self) {
        (self.run)();
    }
}

/// Returns all codecs with all values that they support.
///
/// # Panics
/// If a codec does not encode or decode its value.
#[must_use]
pub fn codec_cases() -> Vec<CodecCase> {
    let bytes = values::text().into_bytes();
    [
        all_values::<Plain>("plain"),
        all_values::<Json>("json"),
        all_values::<MsgPack>("msgpack"),
        all_values::<Bincode>("bincode"),
        both_directions::<_, Raw>("raw_text", bytes.clone()).into(),
        both_directions::<_, Raw>("raw_large", bytes.repeat(330)).into(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn all_values<C>(codec: &str) -> Vec<CodecCase>
where
    C: Codec<values::Small> + Codec<values::Large> + Codec<String> + Codec<i64>,
{
    [
        both_directions::<_, C>(&format!("{codec}_small"), values::small()),
        both_directions::<_, C>(&format!("{codec}_large"), values::large()),
        both_directions::<_, C>(&format!("{codec}_text"), values::text()),
        both_directions::<_, C>(&format!("{codec}_number"), NUMBER),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn both_directions<T: 'static, C: Codec<T>>(name: &str, value: T) -> [CodecCase; 2] {
    let Ok(bytes) = C::encode(&value) else {
        panic!("{} does not encode {name}", C::NAME);
    };
    assert!(
        C::decode(&bytes).is_ok(),
        "{} does not decode {name}",
        C::NAME
    );
    [
        CodecCase {
            name: format!("encode_{name}"),
            run: Box::new(move || drop(black_box(C::encode(black_box(&value))))),
        },
        CodecCase {
            name: format!("decode_{name}"),
            run: Box::new(move || drop(black_box(C::decode(black_box(&bytes))))),
        },
    ]
}

impl fmt::Debug for CodecCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CodecCase").field(&self.name).finish()
    }
}
