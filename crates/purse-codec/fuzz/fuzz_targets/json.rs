//! Whatever `Json` reads, it writes and reads again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use purse_codec::Json;
use purse_codec_fuzz::{check, check_all};
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    check_all::<Json>(data);
    check::<Json, Value>(data);
});
