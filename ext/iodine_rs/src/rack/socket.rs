//! A connection released by the core, as a Ruby IO.

use std::net::SocketAddr;
use std::os::fd::{AsRawFd, IntoRawFd};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};
use iodine_core::handoff::{Socket, TakenOver, Takeover, Unreleased};
use magnus::value::{Lazy, ReprValue};
use magnus::{Error, RClass, Ruby, Value};

use super::constant;
use crate::{gvl, raised};

static BASIC: Lazy<RClass> = Lazy::new(|ruby| constant(ruby, "BasicSocket"));
static TCP: Lazy<RClass> = Lazy::new(|ruby| constant(ruby, "TCPSocket"));
static UNIX: Lazy<RClass> = Lazy::new(|ruby| constant(ruby, "UNIXSocket"));
static ENCRYPTED: Lazy<RClass> = Lazy::new(|ruby| constant(ruby, "IodineRs::EncryptedSocket"));

/// Resolves what is needed later, while nothing can interrupt.
pub(super) fn init(ruby: &Ruby) {
    Lazy::force(&BASIC, ruby);
    Lazy::force(&TCP, ruby);
    Lazy::force(&UNIX, ruby);
    Lazy::force(&ENCRYPTED, ruby);
}

/// Waits, without the GVL, until the core has released the connection, and wraps it.
///
/// # Errors
/// `IOError` where the client is gone or the connection is not released within `limit`; what interrupted the thread,
/// and then the connection is lost.
pub(super) fn receive(ruby: &Ruby, from: &Receiver<TakenOver>, limit: Duration) -> Result<Value, Error> {
    let deadline = Instant::now() + limit;
    let (interrupt, interrupted) = bounded(1);
    loop {
        let unblock = || {
            // Full: it has been interrupted already.
            let _ = interrupt.try_send(());
        };
        let waited = gvl::without(|| Takeover::wait(from, &interrupted, deadline), unblock);
        if let Some(Ok(taken)) = waited {
            return wrap(ruby, taken);
        }
        gvl::check_interrupts()?;
        if let Some(Err(Unreleased::Never)) = waited {
            let message = "the connection cannot be hijacked: the client is gone, or does not read";
            return Err(raised::error(ruby.exception_io_error(), message));
        }
    }
}

fn wrap(ruby: &Ruby, taken: TakenOver) -> Result<Value, Error> {
    // The descriptor is Ruby's from the moment that an IO holds it.
    let io: Value = match taken.socket {
        Socket::Tcp(socket) => {
            let io = ruby.get_inner(&TCP).funcall("for_fd", (socket.as_raw_fd(),))?;
            let _ = socket.into_raw_fd();
            io
        }
        Socket::Unix(socket) => {
            let io = ruby.get_inner(&UNIX).funcall("for_fd", (socket.as_raw_fd(),))?;
            let _ = socket.into_raw_fd();
            io
        }
        Socket::Pair { socket, client, local, peer } => {
            let io: Value = ruby.get_inner(&ENCRYPTED).funcall("for_fd", (socket.as_raw_fd(),))?;
            let _ = socket.into_raw_fd();
            let connection: Value = ruby.get_inner(&BASIC).funcall("for_fd", (client.as_raw_fd(),))?;
            let _ = client.into_raw_fd();
            let _: Value = io.funcall("stand_for", (connection, local.map(place), peer.map(place)))?;
            io
        }
    };
    if !taken.unread.is_empty() {
        // What the client sent behind its request comes first (drop-in row H-09).
        let _: Value = io.funcall("ungetbyte", (ruby.str_from_slice(&taken.unread),))?;
    }
    Ok(io)
}

/// A host, with its interface where that belongs to it, and a port.
pub(super) fn place(address: SocketAddr) -> (String, u16) {
    match address {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => (format!("{}%{}", v6.ip(), v6.scope_id()), v6.port()),
        address => (address.ip().to_string(), address.port()),
    }
}
