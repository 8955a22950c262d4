//! The door: every type that crosses between the sockets and the application, and only those.
//!
//! The core never calls the application. It posts a [`Job`]; a thread of the application comes for it through
//! [`Worker`], and answers with a [`Reply`] through the job's [`Ticket`].

mod batch;
mod crew;
#[cfg(test)]
mod fixtures;
mod mailbox;
pub mod maps;
#[cfg(all(test, shuttle))]
mod models;
mod pool;
mod postbox;
mod queue;
mod reply;
mod request;
mod stream;
mod takeover;
mod ticket;
mod worker;

pub use crew::{Crew, QueueFull, Stats};
pub use mailbox::{Event, Mailbox, Visit};
pub use queue::Pace;
pub use reply::{FileBody, Payload, Reply, ResponseHead, is_bodiless};
pub use request::{Ends, Local, Peer, Refused, Request, RequestBody, TlsSession};
pub(crate) use stream::StreamEnd;
pub use stream::{Room, StreamClosed, StreamReader, StreamWriter, stream};
pub use takeover::{Socket, TakenOver, Takeover, Unreleased};
pub(crate) use ticket::{Delivery, Inbox};
pub use ticket::{Ticket, TicketHandle};
pub use worker::{Interrupt, NoPermit, StreamPermit, Wait, Worker};

/// What a thread of the application comes for.
#[derive(Debug)]
pub enum Job {
    /// A request.
    Call(Call),
    /// Events of one upgraded connection or subscription.
    Visit(Visit),
}

impl Job {
    /// Of the client that it is for.
    pub(crate) fn pace(&self) -> &Pace {
        match self {
            Job::Call(call) => &call.request.pace,
            Job::Visit(visit) => visit.pace(),
        }
    }
}

/// One request and the right to answer it.
#[derive(Debug)]
pub struct Call {
    /// What the client asked for; its body has been received completely.
    pub request: Box<Request>,
    /// The right to answer, once.
    pub ticket: Ticket,
}
