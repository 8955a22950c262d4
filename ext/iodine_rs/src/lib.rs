//! The Ruby bridge of iodine-rs. It translates between the core ([`iodine_core`]) and Ruby, and decides nothing.
//!
//! Ruby values never leave this crate: ids and owned bytes cross to the core. Everything here runs on threads that Ruby
//! made, with the GVL held, except what is passed to [`gvl::without`].

// The function that magnus makes for Ruby to call has no place for a comment.
#![allow(missing_docs)]

mod allocator;
mod classes;
mod descriptor;
mod fork;
mod gvl;
mod keys;
#[cfg(ruby_gte_3_3)]
mod lending;
mod native;
#[cfg(feature = "panics")]
mod panics;
mod pins;
mod rack;
mod raised;
mod realtime;
mod settings;
mod stats;
mod tls;
mod worker;

use magnus::{Error, Ruby};

/// Called by Ruby when the library is loaded.
#[magnus::init(name = "iodine_rs")]
fn init(ruby: &Ruby) -> Result<(), Error> {
    let module = ruby.define_module("IodineRs")?;
    fork::init();
    keys::init();
    #[cfg(ruby_gte_3_3)]
    lending::init();
    pins::init(ruby, module)?;
    raised::init(ruby);
    rack::init(ruby, module)?;
    realtime::init(ruby, module)?;
    tls::init(ruby, module)?;
    #[cfg(feature = "panics")]
    panics::init(module)?;
    native::init(ruby, module)
}
