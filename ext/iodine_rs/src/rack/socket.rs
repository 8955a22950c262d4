//! A connection released by the core, as a Ruby IO.

use std::os::fd::IntoRawFd;
use std::time::Duration;

use crossbeam_channel::Receiver;
use iodine_core::handoff::{Socket, TakenOver, Takeover};
use magnus::value::{Lazy, ReprValue};
use magnus::{Error, RClass, Ruby, Value};

use super::constant;
use crate::gvl;

static TCP: Lazy<RClass> = Lazy::new(|ruby| constant(ruby, "TCPSocket"));
static UNIX: Lazy<RClass> = Lazy::new(|ruby| constant(ruby, "UNIXSocket"));

/// Waits, without the GVL, until the core has released the connection, and wraps it.
///
/// # Errors
/// `IOError` where the client is gone or the connection is not released within `limit`.
pub(super) fn receive(ruby: &Ruby, from: &Receiver<TakenOver>, limit: Duration) -> Result<Value, Error> {
    // An interrupt has to wait for at most `limit`: the connection is on its way, and would be lost.
    let taken = loop {
        match gvl::without(|| Takeover::wait(from, limit), || {}) {
            Some(taken) => break taken,
            None => gvl::check_interrupts()?,
        }
    };
    match taken {
        Ok(taken) => wrap(ruby, taken),
        Err(error) => Err(Error::new(
            ruby.exception_io_error(),
            format!("the connection cannot be hijacked: {error} (the client is gone, or does not read)"),
        )),
    }
}

fn wrap(ruby: &Ruby, taken: TakenOver) -> Result<Value, Error> {
    let (class, fd) = match taken.socket {
        Socket::Tcp(socket) => (ruby.get_inner(&TCP), socket.into_raw_fd()),
        Socket::Unix(socket) => (ruby.get_inner(&UNIX), socket.into_raw_fd()),
    };
    let io: Value = class.funcall("for_fd", (fd,))?;
    if !taken.unread.is_empty() {
        // What the client sent behind its request comes first (drop-in row H-09).
        let _: Value = io.funcall("ungetbyte", (ruby.str_from_slice(&taken.unread),))?;
    }
    Ok(io)
}
