//! The life of one connection: hyper for as long as it will do, then what hyper cannot do, until the end.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use bytes::BytesMut;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::OwnedSemaphorePermit;

use super::deadline::Deadline;
use super::exchange;
use super::link::{Detach, Detached, Link};
use super::plain;
use super::raw;
use super::refusal::Refusal;
use super::refused;
use super::shared::Shared;
use super::talk::Talk;
use super::wire::Wire;
use crate::handoff::{Ends, Pace, Peer, TlsSession};
use crate::net::stream::Stream;
use crate::realtime::session;

/// A connection that may speak HTTP.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) stream: Stream,
    pub(crate) peer: Peer,
    pub(crate) tls: Option<Arc<TlsSession>>,
    /// What has been read from it already.
    pub(crate) unread: BytesMut,
}

impl Arrival {
    pub(crate) fn plain(stream: Stream, peer: Peer) -> Arrival {
        Arrival { stream, peer, tls: None, unread: BytesMut::new() }
    }
}

/// The right to one of `max_connections` places.
#[derive(Debug)]
pub(crate) struct Permit {
    /// The semaphore is never closed: always there.
    _place: Option<OwnedSemaphorePermit>,
}

impl Permit {
    pub(crate) async fn acquire(shared: &Shared) -> Permit {
        Permit { _place: shared.permits.clone().acquire_owned().await.ok() }
    }

    /// The same, where there is a place at once.
    pub(crate) fn try_acquire(shared: &Shared) -> Option<Permit> {
        shared.permits.clone().try_acquire_owned().ok().map(|place| Permit { _place: Some(place) })
    }
}

/// Counts a connection, so that a draining server knows when the last one has ended.
#[derive(Debug)]
pub(crate) struct Counted {
    shared: Arc<Shared>,
    upgraded: bool,
}

impl Counted {
    pub(crate) fn new(shared: Arc<Shared>) -> Counted {
        shared.opened();
        Counted { shared, upgraded: false }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    fn upgrade(&mut self) {
        self.upgraded = true;
        self.shared.upgraded();
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.shared.closed(self.upgraded);
    }
}

/// How hyper's part of a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// Everything has been said; the client may still be sending.
    Closed,
    /// The client says nothing at the moment.
    Idle,
    /// The client had its time and said nothing.
    Silent,
    /// The next head is turned away.
    Refused(Refusal),
    /// The next head has many fields.
    Wide,
    /// What the client has said, or will be told, takes hyper.
    Long,
    /// An exchange goes on without hyper.
    Detached(Box<Detach>),
    /// Cut: the client vanished or does not read, or the application failed half-way. With a reset where a plain end
    /// would look like the end of the response, or would leave what is not read with the kernel.
    Cut { reset: bool },
}

/// Serves one connection to its end. While nothing is said it keeps next to no memory.
pub(crate) async fn serve(arrival: Arrival, permit: Permit, counted: Counted) {
    let shared = counted.shared.clone();
    let Arrival { stream, peer, tls, unread } = arrival;
    let link = Arc::new(Link::new());
    let ends = Arc::new(Ends { local: stream.local(), peer });
    let talk = Talk { link: link.clone(), shared: shared.clone(), ends, tls, pace: Pace::default() };
    let mut wire = Wire::new(stream, unread, link, shared);
    loop {
        if !await_client(&mut wire, &talk).await {
            return wire.stream().hang_up();
        }
        match Box::pin(attend(wire, &talk)).await {
            After::Idle(idle) => {
                wire = idle;
                talk.shared.note_freed();
            }
            After::Upgrade(wire, detach) => return Box::pin(upgrade(wire, *detach, (permit, counted))).await,
            After::End => return,
        }
    }
}

/// What follows when a client has been attended to.
enum After {
    /// It may say something later.
    Idle(Wire),
    /// Something else than HTTP.
    Upgrade(Wire, Box<Detach>),
    /// Nothing.
    End,
}

/// Serves a client that has something to say, until it is silent.
async fn attend(mut wire: Wire, talk: &Talk) -> After {
    let shared = &talk.shared;
    let mut takes_hyper = false;
    loop {
        let (end, mut rest) = if takes_hyper {
            converse(wire, talk).await
        } else {
            (within_time(plain::serve(&mut wire, talk), talk).await, wire)
        };
        takes_hyper = matches!(end, End::Long);
        match end {
            End::Idle => return After::Idle(rest),
            End::Wide => rest.widen(),
            // The next round shows the same head to hyper.
            End::Long => {}
            End::Detached(detach) if matches!(detach.what, Detached::Upgrade(..)) => {
                return After::Upgrade(rest, detach);
            }
            End::Detached(detach) => match raw::send(rest, *detach, shared).await {
                Some(kept) => {
                    rest = kept;
                    rest.rearm();
                }
                None => return After::End,
            },
            End::Refused(refusal) => {
                Box::pin(refused::turn_away(rest, talk, &refusal)).await;
                return After::End;
            }
            End::Closed => {
                raw::linger(rest.into_stream(), shared).await;
                return After::End;
            }
            End::Cut { reset: true } => {
                rest.stream().reset_on_close();
                return After::End;
            }
            End::Silent | End::Cut { .. } => {
                rest.stream().hang_up();
                return After::End;
            }
        }
        wire = rest;
    }
}

/// Goes on in a task of its own: an idle socket should not keep the memory that HTTP needed.
async fn upgrade(wire: Wire, detach: Detach, (permit, mut counted): (Permit, Counted)) {
    let Detached::Upgrade(head, opening) = detach.what else { return };
    let limit = counted.shared.settings.timeouts.write;
    let Ok((stream, unread)) = raw::upgrade(wire, &head, limit).await else { return };
    let Some(client) = opening.open() else { return };
    counted.upgrade();
    let session = session::run(stream, unread, client);
    tokio::spawn(async move {
        session.await;
        drop((permit, counted));
    });
}

/// Waits for the client's next word. `false` where there will be none, or it did not come in time. The system is asked once
/// more then: a busy machine may have let some time pass since the sockets were looked at.
async fn await_client(wire: &mut Wire, talk: &Talk) -> bool {
    talk.link.lock().clock.rest();
    let mut deadline = Deadline::new();
    let mut drain = pin!(talk.shared.wake_at_drain());
    poll_fn(|cx| {
        let _ = drain.as_mut().poll(cx);
        match wire.poll_word(cx) {
            Poll::Pending if deadline.poll(talk, cx).is_pending() || wire.is_spoken_to() => Poll::Pending,
            Poll::Pending => Poll::Ready(false),
            ready => ready,
        }
    })
    .await
}

/// Lets hyper serve until something comes up that it cannot do.
async fn converse(wire: Wire, talk: &Talk) -> (End, Wire) {
    let mut builder = http1::Builder::new();
    // Answer a client that has shut down its side (RFC 9112 §9.6); a reset is noticed by the wire.
    builder.half_close(true);
    if wire.is_wide() {
        builder.max_headers(talk.shared.settings.limits.header_count);
    }
    builder.max_buf_size(talk.shared.settings.limits.head.max(8192) * 2);
    let service = service_fn(|request: Request<Incoming>| exchange::run(talk, request));
    let mut connection = builder.serve_connection(TokioIo::new(wire), service);
    let served = poll_fn(|cx| {
        talk.link.lock().flushed = false;
        if let Poll::Ready(served) = Pin::new(&mut connection).poll(cx) {
            return Poll::Ready(ended(served.err(), talk));
        }
        talk.link.lock().take_detach().map_or(Poll::Pending, |detach| Poll::Ready(End::Detached(detach)))
    });
    let end = within_time(served, talk).await;
    let wire = connection.into_parts().io.into_inner();
    (end, wire)
}

/// Goes on until something comes up, or the time for what the connection waits for has passed.
async fn within_time(served: impl Future<Output = End>, talk: &Talk) -> End {
    let mut served = pin!(served);
    let mut deadline = Deadline::new();
    let mut drain = pin!(talk.shared.wake_at_drain());
    // Once: it goes on waking this task, and never ends.
    poll_fn(|cx| Poll::Ready(drain.as_mut().poll(cx).is_ready())).await;
    poll_fn(|cx| match served.as_mut().poll(cx) {
        Poll::Pending => deadline.poll(talk, cx),
        ended => ended,
    })
    .await
}

fn ended(error: Option<hyper::Error>, talk: &Talk) -> End {
    let mut link = talk.link.lock();
    if let Some(refusal) = link.refusal.take() {
        return End::Refused(refusal);
    }
    if std::mem::take(&mut link.wide) {
        return End::Wide;
    }
    let reset = link.close_delimited;
    drop(link);
    match error {
        // What hyper refuses although the gate let it through, it has answered itself.
        Some(error) if error.is_parse() => {
            let refusal = Refusal::bad_request("refused by the parser");
            talk.shared.responses.note(refusal.status);
            refused::log_refusal(&talk.shared, talk.ends.peer, &refusal, "");
            End::Closed
        }
        Some(_) => End::Cut { reset },
        None => End::Closed,
    }
}
