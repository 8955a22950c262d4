//! What the application answered, as a hyper response: lengths, and the statuses that have no body.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};
use http::{HeaderMap, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};

use super::exchange::{Persistence, asks_to_close};
use super::reason;
use crate::access_log::Record;
use crate::handoff::{FileBody, Payload, ResponseHead, StreamEnd, StreamReader, is_bodiless};

/// Bytes of a file that are read at once. More would leave the processor's cache before they are written.
const FILE_PIECE: u64 = 64 * 1024;

/// The body of a response on its way to hyper.
#[derive(Debug)]
pub(crate) enum ResponseBody {
    Empty,
    Payload {
        payload: Payload,
        /// What the application declared; less than that is a body cut short.
        left: u64,
        failed: bool,
    },
    File(FileBody),
    Stream {
        reader: StreamReader,
        /// What the application declared; nothing beyond it is sent.
        left: Option<u64>,
        /// The application failed, and hyper was given the time to send what came before.
        failed: bool,
    },
}

/// A body whose sending is recorded in the access log. The line is written when hyper has taken the last of it.
#[derive(Debug)]
pub(crate) struct Recorded {
    body: ResponseBody,
    record: Option<Record>,
}

impl Recorded {
    pub(crate) fn new(body: ResponseBody, record: Option<Record>) -> Recorded {
        Recorded { body, record }
    }
}

impl Body for Recorded {
    type Data = Bytes;
    type Error = BodyCut;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyCut>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        if let (Some(record), Poll::Ready(Some(Ok(frame)))) = (&mut this.record, &polled) {
            record.sent(frame.data_ref().map_or(0, Bytes::len));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The application failed in the middle of its body: the client must see a cut connection.
#[derive(Debug)]
pub(crate) struct BodyCut;

impl std::fmt::Display for BodyCut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the application ended its body before it was complete")
    }
}

impl std::error::Error for BodyCut {}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyCut;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyCut>>> {
        match self.get_mut() {
            ResponseBody::Empty => Poll::Ready(None),
            ResponseBody::Payload { left: 0, .. } => Poll::Ready(None),
            ResponseBody::Payload { payload, left, failed } => match payload.pop() {
                Some(piece) => {
                    *left -= piece.len() as u64;
                    Poll::Ready(Some(Ok(Frame::data(piece))))
                }
                None => fail_after_flush(failed, cx),
            },
            // `sendfile` would spare a copy and half the CPU, but reaches only 0.4 of the throughput over loopback (see
            // `docs/architecture.md`).
            ResponseBody::File(file) => match file.read(FILE_PIECE) {
                Ok(piece) => Poll::Ready(piece.map(|piece| Ok(Frame::data(piece)))),
                // A file that has become shorter cannot keep the length that was promised.
                Err(_) => Poll::Ready(Some(Err(BodyCut))),
            },
            ResponseBody::Stream { reader, left, failed } => match reader.poll_part(cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Ok(part)) => Poll::Ready(Some(Ok(Frame::data(within(part, left))))),
                Poll::Ready(Err(StreamEnd::Finished)) if left.unwrap_or(0) == 0 => Poll::Ready(None),
                Poll::Ready(Err(_)) => fail_after_flush(failed, cx),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            ResponseBody::Empty => true,
            ResponseBody::Payload { left, .. } => *left == 0,
            ResponseBody::File(file) => file.is_empty(),
            ResponseBody::Stream { left, .. } => *left == Some(0),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            ResponseBody::Empty => SizeHint::with_exact(0),
            ResponseBody::Payload { left, .. } => SizeHint::with_exact(*left),
            ResponseBody::File(file) => SizeHint::with_exact(file.len()),
            ResponseBody::Stream { left: Some(left), .. } => SizeHint::with_exact(*left),
            ResponseBody::Stream { left: None, .. } => SizeHint::default(),
        }
    }
}

/// hyper drops what it holds when a body fails. It flushes when a body has nothing at the moment: say so first.
fn fail_after_flush(failed: &mut bool, cx: &Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyCut>>> {
    if std::mem::replace(failed, true) {
        return Poll::Ready(Some(Err(BodyCut)));
    }
    cx.waker().wake_by_ref();
    Poll::Pending
}

fn within(mut part: Bytes, left: &mut Option<u64>) -> Bytes {
    if let Some(left) = left {
        part.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
        *left -= part.len() as u64;
    }
    part
}

/// What the application's fields say of the body and of the connection, found in one walk: to look for each of them costs
/// more.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Said {
    /// `content-length`, a number: that was checked when the answer was read.
    length: Option<u64>,
    /// `transfer-encoding`.
    coding: bool,
    connection: Persistence,
}

impl Said {
    pub(super) fn by(headers: &HeaderMap) -> Said {
        let mut said = Said::default();
        for (name, value) in headers {
            if *name == CONTENT_LENGTH {
                said.length = said.length.or_else(|| value.to_str().ok()?.parse().ok());
            } else if *name == CONNECTION {
                said.connection.read(value);
            }
            said.coding |= *name == TRANSFER_ENCODING;
        }
        said
    }

    /// Whether the connection is to end.
    pub(super) fn closes(&self) -> bool {
        self.connection.close
    }
}

/// A response whose body is known.
pub(crate) fn full(mut head: ResponseHead, mut payload: Payload, head_only: bool) -> Response<ResponseBody> {
    let said = Said::by(&head.headers);
    match settle(&mut head, &mut payload, said, head_only) {
        0 => assemble(head, ResponseBody::Empty),
        left => assemble(head, ResponseBody::Payload { payload, left, failed: false }),
    }
}

/// Says in the head, and returns, how many bytes follow: what the application declared, or what there are, or none where the
/// request or the status forbids a body. A length that can be read off the body is left for whoever encodes the head.
pub(super) fn settle(head: &mut ResponseHead, payload: &mut Payload, said: Said, head_only: bool) -> u64 {
    if let Some(declared) = said.length {
        payload.truncate(declared);
    }
    prepare(head, said);
    let length = match head.status {
        // RFC 9112 §6.3: to a client this one may have a body, for which it would wait.
        StatusCode::RESET_CONTENT => 0,
        _ => said.length.unwrap_or(payload.len()),
    };
    if head_only || is_bodiless(head.status) {
        let declares = said.length.is_some() || (head_only && !is_bodiless(head.status));
        if declares && may_declare_length(head.status) {
            head.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        *payload = Payload::default();
        return 0;
    }
    length
}

/// Whether [`settle`] and [`implied_length`] say all there is to say of it: not where the body is shorter than was declared,
/// nor of a 304 with a length.
pub(super) fn is_plain(head: &ResponseHead, payload: &Payload, said: Said, head_only: bool) -> bool {
    let Some(declared) = said.length else { return true };
    head.status != StatusCode::NOT_MODIFIED && (declared <= payload.len() || head_only || is_bodiless(head.status))
}

/// The length of a body that the client has to be told unless the head says it, as hyper does by itself.
pub(super) fn implied_length(head: &ResponseHead, length: u64, head_only: bool) -> Option<u64> {
    let forbidden = head_only || !may_declare_length(head.status) || head.status == StatusCode::NOT_MODIFIED;
    if forbidden { None } else { Some(length) }
}

/// A response whose body comes in parts.
pub(crate) fn streamed(mut head: ResponseHead, reader: StreamReader, head_only: bool) -> Response<ResponseBody> {
    let said = Said::by(&head.headers);
    prepare(&mut head, said);
    if head_only || is_bodiless(head.status) {
        return assemble(head, ResponseBody::Empty);
    }
    assemble(head, ResponseBody::Stream { reader, left: said.length, failed: false })
}

/// A response whose body comes from a file.
pub(crate) fn file(mut head: ResponseHead, file: FileBody, head_only: bool) -> Response<ResponseBody> {
    let said = Said::by(&head.headers);
    prepare(&mut head, said);
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(file.len()));
    let body = if head_only || file.is_empty() { ResponseBody::Empty } else { ResponseBody::File(file) };
    assemble(head, body)
}

/// Says that the connection ends after this response, unless the application has.
pub(crate) fn close_after(headers: &mut HeaderMap) {
    if !asks_to_close(headers) {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
}

/// RFC 9110 §8.6: no Content-Length in 1xx and 204.
fn may_declare_length(status: StatusCode) -> bool {
    !status.is_informational() && status != StatusCode::NO_CONTENT
}

/// The framing is ours: what the application said about it is dropped.
fn prepare(head: &mut ResponseHead, said: Said) {
    if said.coding {
        head.headers.remove(TRANSFER_ENCODING);
    }
    if !may_declare_length(head.status) {
        head.headers.remove(CONTENT_LENGTH);
    }
}

fn assemble(head: ResponseHead, body: ResponseBody) -> Response<ResponseBody> {
    let mut response = Response::new(body);
    if let Some(phrase) = reason::unlike_hyper(head.status) {
        response.extensions_mut().insert(hyper::ext::ReasonPhrase::from_static(phrase.as_bytes()));
    }
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers;
    response
}
