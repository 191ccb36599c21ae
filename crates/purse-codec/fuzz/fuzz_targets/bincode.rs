//! Whatever `Bincode` reads, it writes and reads again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use purse_codec::Bincode;
use purse_codec_fuzz::check_all;

fuzz_target!(|data: &[u8]| check_all::<Bincode>(data));
