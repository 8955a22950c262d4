//! Exchanges that need no hyper: requests without a body, answered by a response that is all there. Most requests are like
//! that, and hyper's part in them would be to parse once more what the gate has judged, and to frame what needs no frame.
//!
//! Whatever is different is left to hyper, which is shown the same head: see [`Answered`].

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::Poll;

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

use super::connection::End;
use super::exchange::{self, Abort, Answer, Asked};
use super::link::Answered;
use super::parts;
use super::raw;
use super::response::{self, Said};
use super::talk::Talk;
use super::wire::{Next, Wire};
use crate::access_log::Record;
use crate::handoff::{Payload, Reply, Request as AppRequest, ResponseHead, maps};
use crate::net::spare;

/// Room for a head and a body that are sent together.
const ROOM: usize = 8 * 1024;

/// A body up to this size is copied behind its head: cheaper than a list of pieces for the kernel.
const SMALL_BODY: u64 = 4 * 1024;

/// The client has gone, or is to be left.
const CUT: End = End::Cut { reset: false };

/// Serves one request after the other until something else is to be done.
pub(super) async fn serve(wire: &mut Wire, talk: &Talk) -> End {
    // Nothing is ever left to be written while a head is awaited.
    talk.link.lock().flushed = true;
    loop {
        let served = match poll_fn(|cx| wire.poll_next(cx)).await {
            Ok(Next::Head(head)) => exchange(wire, talk, head).await,
            Ok(Next::More) if std::mem::take(&mut talk.link.lock().wide) => Err(End::Wide),
            Ok(Next::More) => Err(End::Long),
            Ok(Next::Refused(refusal)) => Err(End::Refused(refusal)),
            Ok(Next::End) => Err(End::Closed),
            Err(_) => Err(CUT),
        };
        if let Err(end) = served {
            return end;
        }
    }
}

/// One exchange. An error is what has to be done instead of another one.
async fn exchange(wire: &mut Wire, talk: &Talk, head: Bytes) -> Result<(), End> {
    let mut request = talk.blank();
    if parts::read(&head, &mut request.parts).is_none() {
        wire.put_back(&head);
        return Err(End::Long);
    }
    request.raw_target = talk.link.lock().raw_target.take();
    let asked = Asked::of(&request.parts);
    let mut record = talk.record(&request);
    let mut reply = match reply(wire, talk, asked, request, &mut record).await? {
        Ok(reply) => reply,
        Err(mut refused) => {
            let (head, body) = &mut *refused;
            let said = Said::by(&head.headers);
            return send(wire, talk, asked, said, (head, body), &mut record).await;
        }
    };
    let said = plainly(&reply, asked);
    if said.is_some() {
        talk.note(&reply, &mut record);
    }
    if let (Some(said), Reply::Full(head, body)) = (said, &mut *reply) {
        return send(wire, talk, asked, said, (head, body), &mut record).await;
    }
    if matches!(&*reply, Reply::Full(..) | Reply::Stream(..) | Reply::File(..) | Reply::Lost) {
        wire.put_back(&head);
        talk.link.lock().answered = Some(Answered { reply, record });
        return Err(End::Long);
    }
    Err(match exchange::respond(talk, asked, *reply, &mut record) {
        Ok(Answer::Detach(detach)) => End::Detached(detach),
        Ok(Answer::Response(_)) | Err(Abort) => CUT,
    })
}

/// What the response's fields say, where no hyper is needed to send it.
fn plainly(reply: &Reply, asked: Asked) -> Option<Said> {
    let Reply::Full(head, body) = reply else { return None };
    let said = Said::by(&head.headers);
    response::is_plain(head, body, said, asked.head_only).then_some(said)
}

/// Waits for the reply. Meanwhile a reset by the client is noticed, and interim responses are written.
async fn reply(
    wire: &mut Wire,
    talk: &Talk,
    asked: Asked,
    request: Box<AppRequest>,
    record: &mut Option<Record>,
) -> Result<Result<Box<Reply>, Box<(ResponseHead, Payload)>>, End> {
    let mut reply = pin!(exchange::reply(talk, asked, request, record));
    poll_fn(|cx| match reply.as_mut().poll(cx) {
        Poll::Ready(reply) => Poll::Ready(Ok(reply)),
        Poll::Pending => match Pin::new(&mut *wire).poll_flush(cx) {
            Poll::Ready(Err(_)) => Poll::Ready(Err(CUT)),
            _ => Poll::Pending,
        },
    })
    .await
}

async fn send(
    wire: &mut Wire,
    talk: &Talk,
    asked: Asked,
    said: Said,
    (head, body): (&mut ResponseHead, &mut Payload),
    record: &mut Option<Record>,
) -> Result<(), End> {
    let last = !asked.keep_alive || talk.is_last() || said.closes();
    if last {
        response::close_after(&mut head.headers);
    }
    let out = frame(asked, said, (head, body), record);
    let written = write(wire, &out, body, record).await;
    spare::give_back(out);
    match written {
        Ok(()) if last => Err(End::Closed),
        Ok(()) => Ok(()),
        Err(_) => Err(CUT),
    }
}

/// The head as it is sent, and a small body behind it.
fn frame(
    asked: Asked,
    said: Said,
    (head, body): (&mut ResponseHead, &mut Payload),
    record: &mut Option<Record>,
) -> Vec<u8> {
    let length = response::settle(head, body, said, asked.head_only);
    let mut out = spare::take(ROOM);
    raw::encode_head_with(&mut out, head, response::implied_length(head, length, asked.head_only));
    maps::give_back(std::mem::take(&mut head.headers));
    if length <= SMALL_BODY {
        while let Some(piece) = body.pop() {
            out.extend_from_slice(&piece);
            note_sent(record, piece.len());
        }
    }
    out
}

/// Writes `out`, and the body behind it.
async fn write(wire: &mut Wire, mut out: &[u8], body: &mut Payload, record: &mut Option<Record>) -> io::Result<()> {
    if body.is_empty() {
        // The system nearly always has room for so little: it is asked when it has said that there is none. Not so in
        // `poll_write`, where asking is what makes one long body let the other connections by.
        match wire.try_write(out) {
            Ok(written) => out = &out[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    let mut piece = Bytes::new();
    loop {
        if piece.is_empty() {
            piece = body.pop().unwrap_or_default();
        }
        if out.is_empty() && piece.is_empty() {
            return poll_fn(|cx| wire.poll_sent(cx)).await;
        }
        let written = poll_fn(|cx| {
            let wire = Pin::new(&mut *wire);
            if piece.is_empty() {
                return wire.poll_write(cx, out);
            }
            wire.poll_write_vectored(cx, &[IoSlice::new(out), IoSlice::new(&piece)])
        })
        .await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        let of_out = written.min(out.len());
        out = &out[of_out..];
        piece.advance(written - of_out);
        note_sent(record, written - of_out);
    }
}

fn note_sent(record: &mut Option<Record>, bytes: usize) {
    if let Some(record) = record {
        record.sent(bytes);
    }
}
