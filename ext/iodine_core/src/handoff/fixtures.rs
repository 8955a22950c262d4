//! What tests and models of the hand-off begin with.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::{Crew, Local, Pace, Peer, Request, RequestBody};
use crate::reactor::Reactor;
use crate::settings::Pool;
use crate::sync::Instant;

/// A crew on a reactor of its own.
pub(super) fn crew(settings: Pool) -> Arc<Crew> {
    Crew::new(settings, Arc::new(Reactor::new(|| {}).expect("a runtime")))
}

/// A request of somebody on this machine for `/`, without a body.
pub(super) fn request() -> Box<Request> {
    Box::new(Request {
        parts: http::Request::new(()).into_parts().0,
        raw_target: None,
        body: RequestBody::Empty,
        body_wait: Duration::ZERO,
        complete: Instant::now(),
        queue_time: Duration::ZERO,
        peer: Peer::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 1))),
        local: Local::Unnamed,
        pace: Pace::default(),
        tls: None,
        upgrade: None,
        refused: None,
    })
}
