//! What tests and models of the hand-off begin with.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use super::{Crew, Ends, Local, Pace, Peer, Request};
use crate::reactor::Reactor;
use crate::settings::Pool;

/// A crew on a reactor of its own.
pub(super) fn crew(settings: Pool) -> Arc<Crew> {
    Crew::new(settings, Arc::new(Reactor::new(|| {}).expect("a runtime")))
}

/// A request of somebody on this machine for `/`, without a body.
pub(super) fn request() -> Box<Request> {
    let peer = Peer::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 1)));
    let ends = Arc::new(Ends { local: Local::Unnamed, peer });
    Box::new(Request::new(http::Request::new(()).into_parts().0, None, ends, Pace::default()))
}
