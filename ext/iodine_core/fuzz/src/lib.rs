//! What must hold for any bytes. Each module has one property, `check`, which panics where it does not hold. libFuzzer
//! looks for such bytes (`fuzz_targets/`, `rake fuzz`); what it found, and a small corpus, are checked again by every
//! `cargo test` (`../tests/corpora`).
//!
//! The core is used through its public interface. Of `files`, which has none, the files are compiled in here.

pub mod chunks;
pub mod connection;
pub mod files;
pub mod glob;
pub mod head;
pub mod proxy;
pub mod relay;
pub mod websocket;

mod cuts;
#[path = "../../tests/support/limits.rs"]
mod limits;
#[path = "../../tests/support/settings.rs"]
mod settings;
