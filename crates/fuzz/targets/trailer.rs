//! Feeds any bytes to the decoder "trailer".

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lifeboat_snapshot::decoders::feed("trailer", bytes));
