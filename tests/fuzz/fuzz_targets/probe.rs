#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vbatch_tests::outside_bytes::probe(bytes));
