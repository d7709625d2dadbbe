#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vbatch_tests::outside_bytes::page_tokens(bytes));
