//! Feeds any bytes to the decoder "record".

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lifeboat_snapshot::decoders::feed("record", bytes));
