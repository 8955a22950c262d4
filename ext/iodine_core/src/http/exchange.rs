//! One request's story on one page: receive, hand off, answer.

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use hyper::body::{Body, Incoming};

use super::link::{Detach, Detached, Link};
use super::raw;
use super::receive::{self, Unreceived};
use super::refusal::Refusal;
use super::refused;
use super::response::{self, Recorded, ResponseBody};
use super::shared::Shared;
use crate::access_log::Record;
use crate::handoff::{
    Delivery, Inbox, Local, Pace, Payload, Peer, QueueFull, Reply, Request as AppRequest, ResponseHead, TlsSession,
};
use crate::realtime::Upgrade;
use crate::sync::Instant;

/// How often a request that found the queue full tries again.
const QUEUE_RETRY: Duration = Duration::from_millis(5);

/// What the exchanges of one connection share.
#[derive(Debug)]
pub(crate) struct Talk {
    pub(crate) link: Arc<Link>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) peer: Peer,
    pub(crate) local: Local,
    pub(crate) pace: Pace,
    pub(crate) tls: Option<Arc<TlsSession>>,
}

/// The connection has to be cut without an answer.
#[derive(Debug)]
pub(crate) struct Abort;

impl std::fmt::Display for Abort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the application closed the connection")
    }
}

impl std::error::Error for Abort {}

/// What of the request matters for the answer.
#[derive(Debug, Clone, Copy)]
struct Asked {
    head_only: bool,
    http10: bool,
    keep_alive: bool,
}

/// What is sent to the client, and by whom.
enum Answer {
    /// A response for hyper.
    Response(Response<ResponseBody>),
    /// The exchange goes on without hyper.
    Detach(Box<Detach>),
}

/// Runs one exchange. The request is in a box before there is a future: hyper moves this, whatever its size.
pub(crate) fn run(
    talk: &Talk,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<Recorded>, Abort>> + use<'_> {
    let (parts, incoming) = request.into_parts();
    let request = talk.request(parts, talk.link.lock().raw_target.take());
    async move {
        // Dropped with this future, where the client does not wait: that is a line, too.
        let mut record = talk.shared.access_log.as_ref().map(|log| log.begin(&request.parts, talk.peer));
        if let Some(record) = &mut record {
            record.targeted(request.raw_target.as_ref());
        }
        match exchange(talk, request, incoming, &mut record).await? {
            Answer::Response(response) => Ok(response.map(|body| Recorded::new(body, record))),
            Answer::Detach(detach) => talk.leave_hyper(detach).await,
        }
    }
}

async fn exchange(
    talk: &Talk,
    mut request: Box<AppRequest>,
    incoming: Incoming,
    record: &mut Option<Record>,
) -> Result<Answer, Abort> {
    let asked = Asked::of(&request.parts);
    if !incoming.is_end_stream() {
        match Box::pin(receive::body(incoming, &talk.link, &talk.shared)).await {
            Ok(body) => request.receive(body),
            Err(Unreceived::Refused(refusal)) => return Ok(Box::pin(talk.refuse(request, &refusal, record)).await),
            Err(Unreceived::Gone) => return Err(Abort),
        }
    }
    request.upgrade = Upgrade::of(&request.parts, &talk.shared.realtime);
    let files = &talk.shared.files;
    if let Some(reply) = files.serve(&request.parts).filter(|_| request.upgrade.is_none()) {
        return respond(talk, asked, reply, record);
    }
    let wanted = files.wanted(&request.parts);
    match submit(talk, request).await {
        Ok(inbox) => {
            let mut reply = *answer(talk, asked, inbox).await;
            if let Some(wanted) = wanted {
                reply = files.instead(reply, &wanted, |line| talk.shared.log.line(line));
            }
            respond(talk, asked, reply, record)
        }
        Err(QueueFull(request)) => {
            let refusal = Refusal::unavailable("max_queue requests wait for a thread already");
            Ok(Box::pin(talk.refuse(request, &refusal, record)).await)
        }
    }
}

/// Queues the request.
async fn submit(talk: &Talk, request: Box<AppRequest>) -> Result<Inbox, QueueFull> {
    match talk.shared.crew.submit(request) {
        Err(QueueFull(request)) => Box::pin(insist(talk, request)).await,
        accepted => accepted,
    }
}

/// A burst may fill the queue for a moment: it is tried again for `queue_timeout`.
async fn insist(talk: &Talk, request: Box<AppRequest>) -> Result<Inbox, QueueFull> {
    let crew = &talk.shared.crew;
    let mut outcome = Err(QueueFull(request));
    let deadline = Instant::now() + talk.shared.settings.pool.queue_timeout;
    while let Err(QueueFull(request)) = outcome {
        if Instant::now() >= deadline {
            return Err(QueueFull(request));
        }
        tokio::time::sleep(QUEUE_RETRY).await;
        outcome = crew.submit(request);
    }
    outcome
}

/// Waits for the application's reply.
async fn answer(talk: &Talk, asked: Asked, mut inbox: Inbox) -> Box<Reply> {
    loop {
        match inbox.next().await {
            Delivery::Interim(heads) if asked.http10 => drop(heads),
            Delivery::Interim(heads) => send_interim(talk, &heads).await,
            Delivery::Final(reply) => return reply,
        }
    }
}

/// Turns a reply into a response.
fn respond(talk: &Talk, asked: Asked, reply: Reply, record: &mut Option<Record>) -> Result<Answer, Abort> {
    talk.shared.responses.note_reply(&reply);
    let mut last = talk.is_last();
    if let Some(record) = record {
        record.answered(&reply);
    }
    let persistent = asked.keep_alive && !last;
    let mut detach = |what| {
        let record = record.take();
        let detach = Detach { http10: asked.http10, head_only: asked.head_only, persistent, what, record };
        Ok(Answer::Detach(Box::new(detach)))
    };
    let mut response = match reply {
        Reply::Full(head, _) if is_declared_304(&head) => return detach(Detached::Head(head)),
        Reply::Full(head, payload) => response::full(head, payload, asked.head_only),
        Reply::Stream(head, reader) => {
            talk.link.lock().clock.stream();
            let response = response::streamed(head, reader, asked.head_only);
            // Without chunks only the end of the connection can end such a body (RFC 9112 §6.3).
            if asked.http10 && response.body().size_hint().exact().is_none() {
                talk.link.lock().close_delimited = true;
                last = true;
            }
            response
        }
        Reply::Framed(head, reader) => return detach(Detached::Framed(head, reader)),
        Reply::File(head, file) => response::file(head, file, asked.head_only),
        Reply::Takeover(head, to) => return detach(Detached::Takeover(head, to)),
        Reply::Upgrade(head, to) => return detach(Detached::Upgrade(head, to)),
        Reply::Abort => return Err(Abort),
        Reply::Lost => {
            last = true;
            lost(asked.head_only)
        }
    };
    if last {
        response::close_after(response.headers_mut());
    }
    if asked.http10 && !keeps_alive(response.headers(), false) {
        // hyper adds `keep-alive` for a client that asked for it, unless the response is one of HTTP/1.0.
        *response.version_mut() = Version::HTTP_10;
    }
    Ok(Answer::Response(response))
}

/// hyper drops the content-length of a 304, which an app may send (RFC 9110 §8.6).
fn is_declared_304(head: &ResponseHead) -> bool {
    head.status == StatusCode::NOT_MODIFIED && head.headers.contains_key(CONTENT_LENGTH)
}

/// hyper cannot send interim responses: the wire does, between hyper's own writes (see `LinkState::put_interim`).
async fn send_interim(talk: &Talk, heads: &[ResponseHead]) {
    let mut bytes = Vec::new();
    for head in heads {
        raw::encode_head(&mut bytes, head, false);
    }
    talk.link.lock().put_interim(Bytes::from(bytes));
    poll_fn(|cx| talk.link.lock().poll_interim_written(cx.waker())).await;
}

fn lost(head_only: bool) -> Response<ResponseBody> {
    let head = ResponseHead { status: StatusCode::INTERNAL_SERVER_ERROR, headers: HeaderMap::new() };
    response::full(head, Payload::default(), head_only)
}

impl Talk {
    /// A request of this connection, without its body.
    pub(super) fn request(&self, parts: Parts, raw_target: Option<Bytes>) -> Box<AppRequest> {
        let (tls, pace) = (self.tls.clone(), self.pace.clone());
        Box::new(AppRequest { tls, pace, ..AppRequest::new(parts, raw_target, self.peer, self.local.clone()) })
    }

    /// Turns the request away; the connection ends with it.
    async fn refuse(&self, request: Box<AppRequest>, refusal: &Refusal, record: &mut Option<Record>) -> Answer {
        let parts = &request.parts;
        refused::log_refusal(&self.shared, self.peer, refusal, &format!("{} {}", parts.method, parts.uri.path()));
        let asked = Asked::of(parts);
        let (head, body) = refused::answer(self, refusal, request, true).await;
        if let Some(record) = record {
            record.refused(head.status);
        }
        let mut response = response::full(head, body, asked.head_only);
        if asked.http10 {
            *response.version_mut() = Version::HTTP_10;
        }
        Answer::Response(response)
    }

    fn is_last(&self) -> bool {
        self.link.lock().last || self.shared.is_draining()
    }

    /// Leaves the rest to the connection. This future never ends; it is dropped with hyper's part of the connection.
    async fn leave_hyper<T>(&self, detach: Box<Detach>) -> T {
        self.link.lock().detach = Some(detach);
        pending().await
    }
}

impl Asked {
    fn of(parts: &Parts) -> Asked {
        let http10 = parts.version == Version::HTTP_10;
        Asked { head_only: parts.method == Method::HEAD, http10, keep_alive: keeps_alive(&parts.headers, http10) }
    }
}

/// RFC 9112 §9.3.
pub(super) fn keeps_alive(headers: &HeaderMap, http10: bool) -> bool {
    let mut keep_alive = !http10;
    for value in headers.get_all(CONNECTION) {
        for option in value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if option.eq_ignore_ascii_case(b"close") {
                return false;
            }
            keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }
    keep_alive
}
