//! The corpora of the fuzz targets, each input checked once: what a fuzzer found stays found. No nightly compiler is
//! needed. `rake fuzz` looks for more.

#[allow(dead_code, reason = "the conditions of files are compiled in here without their responses")]
#[path = "../../fuzz/src/lib.rs"]
mod properties;

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

/// Checks every input of one target, and says which ones fail.
fn replay(target: &str, check: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut failed = Vec::new();
    let mut inputs = 0;
    for entry in fs::read_dir(&corpus).expect("a corpus") {
        let path = entry.expect("an input").path();
        let input = fs::read(&path).expect("a readable input");
        inputs += 1;
        if catch_unwind(|| check(&input)).is_err() {
            failed.push(path);
        }
    }
    assert!(inputs > 0, "{corpus:?} is empty");
    assert!(failed.is_empty(), "the property does not hold for {failed:#?}");
}

macro_rules! corpora {
    ($($target:ident)*) => {
        $(#[test] fn $target() { replay(stringify!($target), properties::$target::check); })*
    };
}

corpora! { chunks connection files glob head proxy relay websocket }
