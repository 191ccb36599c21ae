//! Whatever `Raw` reads, it writes and reads again.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use purse_codec::Raw;
use purse_codec_fuzz::check;

fuzz_target!(|data: &[u8]| {
    check::<Raw, Vec<u8>>(data);
    check::<Raw, Bytes>(data);
});
