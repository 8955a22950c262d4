//! One request's story on one page: receive, hand off, answer.

use std::future::poll_fn;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONNECTION, CONTENT_LENGTH, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::body::{Body, Incoming};
use tokio::task::coop::consume_budget;

use super::link::{Answered, Detach, Detached};
use super::raw;
use super::receive::{self, Unreceived};
use super::refusal::Refusal;
use super::response::{self, Recorded, ResponseBody};
use super::talk::Talk;
use crate::access_log::Record;
use crate::handoff::{Delivery, Inbox, Payload, QueueFull, Reply, Request as AppRequest, ResponseHead};
use crate::realtime::Upgrade;
use crate::sync::Instant;

/// How often a request that found the queue full tries again.
const QUEUE_RETRY: Duration = Duration::from_millis(5);

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
pub(super) struct Asked {
    pub(super) head_only: bool,
    http10: bool,
    pub(super) keep_alive: bool,
    /// It may want something else than HTTP: see [`Upgrade::of`].
    more: bool,
}

/// What is sent to the client, and by whom.
pub(super) enum Answer {
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
    let asked = Asked::of(&parts);
    let mut link = talk.link.lock();
    let (answered, raw_target) = (link.answered.take(), link.raw_target.take());
    drop(link);
    let request = talk.request(parts, raw_target);
    async move {
        let (answer, record) = match answered {
            Some(Answered { reply, mut record }) => (respond(talk, asked, *reply, &mut record), record),
            None => {
                // Dropped with this future, where the client does not wait: that is a line, too.
                let mut record = talk.record(&request);
                (exchange(talk, asked, request, incoming, &mut record).await, record)
            }
        };
        match answer? {
            Answer::Response(response) => Ok(response.map(|body| Recorded::new(body, record))),
            Answer::Detach(detach) => talk.leave_hyper(detach).await,
        }
    }
}

async fn exchange(
    talk: &Talk,
    asked: Asked,
    mut request: Box<AppRequest>,
    incoming: Incoming,
    record: &mut Option<Record>,
) -> Result<Answer, Abort> {
    if !incoming.is_end_stream() {
        match Box::pin(receive::body(incoming, &talk.link, &talk.shared)).await {
            Ok(body) => request.receive(body),
            Err(Unreceived::Refused(refusal)) => {
                let refused = Box::pin(talk.refuse(request, &refusal, record)).await;
                return Ok(asked.refused(refused));
            }
            Err(Unreceived::Gone) => return Err(Abort),
        }
    }
    match reply(talk, asked, request, record).await {
        Ok(reply) => respond(talk, asked, *reply, record),
        Err(refused) => Ok(asked.refused(*refused)),
    }
}

/// The reply to a request that is there completely. An error is what the client of a full queue is told, in a box: every
/// reply would be moved with room for it.
pub(super) async fn reply(
    talk: &Talk,
    asked: Asked,
    mut request: Box<AppRequest>,
    record: &mut Option<Record>,
) -> Result<Box<Reply>, Box<(ResponseHead, Payload)>> {
    if asked.more {
        request.upgrade = Upgrade::of(&request.parts, &talk.shared.realtime);
    }
    let files = &talk.shared.files;
    if let Some(reply) = files.serve(&request.parts).filter(|_| request.upgrade.is_none()) {
        // Nothing else is waited for: a client that asks for one file after the other has to let others by.
        consume_budget().await;
        return Ok(Box::new(reply));
    }
    let wanted = files.wanted(&request.parts);
    match submit(talk, request).await {
        Ok(inbox) => {
            let reply = answer(talk, asked, inbox).await;
            let Some(wanted) = wanted else { return Ok(reply) };
            Ok(Box::new(files.instead(*reply, &wanted, |line| talk.shared.log.line(line))))
        }
        Err(QueueFull(request)) => {
            let refusal = Refusal::unavailable("max_queue requests wait for a thread already");
            Err(Box::new(Box::pin(talk.refuse(request, &refusal, record)).await))
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
            Delivery::LeftOpen => talk.link.lock().clock.stream(),
            Delivery::Final(reply) => return reply,
        }
    }
}

/// Turns a reply into a response, or into what leaves hyper.
pub(super) fn respond(talk: &Talk, asked: Asked, reply: Reply, record: &mut Option<Record>) -> Result<Answer, Abort> {
    talk.note(&reply, record);
    let mut last = talk.is_last();
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
    if last || !(asked.keep_alive || asked.http10) {
        response::close_after(response.headers_mut());
    }
    if asked.http10 && asks_to_close(response.headers()) {
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

impl Asked {
    pub(super) fn of(parts: &Parts) -> Asked {
        let (head_only, http10) = (parts.method == Method::HEAD, parts.version == Version::HTTP_10);
        let mut connection = Persistence::default();
        let mut more = false;
        for (name, value) in &parts.headers {
            if *name == CONNECTION {
                connection.read(value);
            }
            more |= *name == UPGRADE || *name == ACCEPT;
        }
        Asked { head_only, http10, keep_alive: connection.is_kept(http10), more }
    }

    fn refused(self, (head, body): (ResponseHead, Payload)) -> Answer {
        let mut response = response::full(head, body, self.head_only);
        if self.http10 {
            *response.version_mut() = Version::HTTP_10;
        }
        Answer::Response(response)
    }
}

/// Whether a response says that it is the last one of its connection.
pub(super) fn asks_to_close(headers: &HeaderMap) -> bool {
    let mut connection = Persistence::default();
    headers.get_all(CONNECTION).iter().for_each(|value| connection.read(value));
    connection.close
}

/// What Connection fields say of the connection's end.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Persistence {
    pub(super) close: bool,
    keep_alive: bool,
}

impl Persistence {
    pub(super) fn read(&mut self, value: &HeaderValue) {
        for option in value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    /// RFC 9112 §9.3.
    fn is_kept(self, http10: bool) -> bool {
        !self.close && (self.keep_alive || !http10)
    }
}
