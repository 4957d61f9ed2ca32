//! Feeds any bytes to the decoder "path".

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lifeboat_snapshot::decoders::feed("path", bytes));
