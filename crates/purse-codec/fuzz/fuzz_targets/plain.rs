//! Whatever `Plain` reads, it writes and reads again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use purse_codec::Plain;
use purse_codec_fuzz::{check, check_all};
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    check_all::<Plain>(data);
    check::<Plain, Value>(data);
});
