#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| iodine_core_fuzz::proxy::check(bytes));
