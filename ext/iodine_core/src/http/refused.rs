//! A request that is turned away: it is told to the logs and, where the application wants that, to its error handler, which
//! may answer in its own way (drop-in row O-03). The connection ends in any case.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_LENGTH, HeaderValue, RETRY_AFTER, TRANSFER_ENCODING};
use http::{HeaderMap, Method, StatusCode, Uri};

use super::raw;
use super::refusal::{Kind, Refusal};
use super::response;
use super::salvage;
use super::shared::Shared;
use super::talk::Talk;
use super::wire::Wire;
use crate::access_log::Record;
use crate::handoff::{
    Delivery, Ends, Pace, Payload, Peer, Refused, Reply, Request as AppRequest, ResponseHead, is_bodiless,
};

/// Turns a head away that was never a request.
pub(crate) async fn turn_away(mut wire: Wire, talk: &Talk, refusal: &Refusal) {
    let shared = &talk.shared;
    log_refusal(shared, talk.ends.peer, refusal, &request_line(wire.unread()));
    let found = salvage::read(wire.unread(), &shared.settings.limits);
    let mut record = shared.access_log.as_ref().map(|log| log.begin(&found.parts, talk.ends.peer));
    let head_only = found.parts.method == Method::HEAD;
    if let Some(record) = &mut record {
        record.targeted(found.raw_target.as_ref());
    }
    let (head, body) = tokio::select! {
        answer = answer(talk, refusal, talk.request(found.parts, found.raw_target), found.any) => answer,
        () = wire.reset() => return,
    };
    let body = if head_only { Payload::default() } else { body };
    if let Some(record) = &mut record {
        record.refused(head.status);
    }
    let sent = refuse(&mut wire, head, body, shared.settings.timeouts.write, &mut record).await;
    // Its line does not wait for the end of the connection.
    drop(record);
    match sent {
        Ok(()) => raw::linger(wire.into_stream(), shared).await,
        Err(_) => wire.stream().hang_up(),
    }
}

/// What the client gets: what the application says, or else the status and nothing more. It is counted.
pub(crate) async fn answer(
    talk: &Talk,
    refusal: &Refusal,
    request: Box<AppRequest>,
    any: bool,
) -> (ResponseHead, Payload) {
    let page = if talk.shared.settings.refusals_to_app && concerns_app(refusal) {
        ask(talk, refusal, request, any).await
    } else {
        None
    };
    let (mut head, body) = page.unwrap_or_else(|| (plain(refusal), Payload::default()));
    response::close_after(&mut head.headers);
    talk.shared.responses.note(head.status);
    (head, body)
}

/// Tells the application of a client that does not get as far as HTTP. Nobody waits for what it answers: while all threads
/// have something to do the log has to do, or anybody could fill the queue without keeping a connection.
pub(crate) fn tell(shared: &Shared, ends: Ends, why: String) {
    if shared.settings.refusals_to_app && !shared.crew.is_busy() {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        let refused = Refused { status, kind: Kind::Handshake, why: Cow::Owned(why), any: false };
        let found = salvage::nothing();
        let request = Box::new(AppRequest::new(found.parts, found.raw_target, Arc::new(ends), Pace::default()));
        let _ = shared.crew.submit(told(request, refused));
    }
}

/// Puma answers these two by itself; a queue that is full is no place for more.
fn concerns_app(refusal: &Refusal) -> bool {
    let fixed = matches!(refusal.status, StatusCode::REQUEST_TIMEOUT | StatusCode::PAYLOAD_TOO_LARGE);
    !fixed && refusal.kind != Kind::Overload
}

async fn ask(talk: &Talk, refusal: &Refusal, request: Box<AppRequest>, any: bool) -> Option<(ResponseHead, Payload)> {
    let refused = Refused { status: refusal.status, kind: refusal.kind, why: Cow::Borrowed(refusal.why), any };
    let mut inbox = talk.shared.crew.submit(told(request, refused)).ok()?;
    let reply = loop {
        if let Delivery::Final(reply) = inbox.next().await {
            break reply;
        }
    };
    match *reply {
        Reply::Full(head, body) => Some((head, body)),
        // The handler has taken the connection, which is not to be had, or its thread was killed.
        _ => None,
    }
}

fn told(mut request: Box<AppRequest>, refused: Refused) -> Box<AppRequest> {
    if !refused.any {
        request.parts.uri = Uri::default();
    }
    request.refused = Some(refused);
    request
}

/// What every refusal carries: the connection ends with it.
fn plain(refusal: &Refusal) -> ResponseHead {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(0_u16));
    response::close_after(&mut headers);
    if refusal.status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(RETRY_AFTER, HeaderValue::from(1_u16));
    }
    ResponseHead { status: refusal.status, headers }
}

/// Tells the operator why a request was turned away.
pub(crate) fn log_refusal(shared: &Shared, peer: Peer, refusal: &Refusal, request: &str) {
    let (status, why) = (refusal.status.as_u16(), refusal.why);
    let what = match refusal.kind {
        Kind::Timeout => "request timeout",
        Kind::Overload | Kind::Failure => "request refused",
        _ => "HTTP parse error, malformed request",
    };
    let hint = match refusal.kind {
        Kind::TlsOnPlainPort => ". Are you trying to open a TLS (SSL) connection to a plain HTTP port?",
        _ => "",
    };
    shared.log.line(&format!("{what} (\"{request}\" - ({peer})): {status} {why}{hint}"));
}

/// Method and target of a head that was not understood: printable, and not too long.
fn request_line(head: &[u8]) -> String {
    let line = head.split(|byte| matches!(byte, b'\r' | b'\n')).find(|line| !line.is_empty()).unwrap_or_default();
    let end = memchr::memmem::rfind(line, b" HTTP/").unwrap_or(line.len());
    line[..end.min(200)].escape_ascii().to_string()
}

/// Answers a request that hyper never saw.
async fn refuse(
    wire: &mut Wire,
    mut head: ResponseHead,
    mut body: Payload,
    limit: Duration,
    record: &mut Option<Record>,
) -> io::Result<()> {
    head.headers.remove(TRANSFER_ENCODING);
    if is_bodiless(head.status) {
        head.headers.remove(CONTENT_LENGTH);
        body = Payload::default();
    } else {
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    let mut bytes = Vec::new();
    raw::encode_head(&mut bytes, &head, true);
    raw::say(wire, &bytes, limit).await?;
    while let Some(piece) = body.pop() {
        raw::say(wire, &piece, limit).await?;
        if let Some(record) = record {
            record.sent(piece.len());
        }
    }
    Ok(())
}
