//! Feeds any bytes to the decoder "leader".

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lifeboat_snapshot::decoders::feed("leader", bytes));
