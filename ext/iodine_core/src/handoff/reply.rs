//! What the application answers.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::ops::Range;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use rustix::buffer::spare_capacity;
use rustix::io::{Errno, pread};

use super::stream::StreamReader;
use super::takeover::Takeover;
use crate::fifo::Fifo;
use crate::realtime::Opening;

/// Status and fields of a response.
#[derive(Debug)]
pub struct ResponseHead {
    /// The status.
    pub status: StatusCode,
    /// The fields; names are lower-case, values free of CR, LF and NUL.
    pub headers: HeaderMap,
}

/// Statuses whose responses have no body (RFC 9110 §6.4.1, and 205 by §15.3.6).
pub fn is_bodiless(status: StatusCode) -> bool {
    status.is_informational()
        || status == StatusCode::NO_CONTENT
        || status == StatusCode::RESET_CONTENT
        || status == StatusCode::NOT_MODIFIED
}

/// The one answer to a request.
#[derive(Debug)]
pub enum Reply {
    /// The whole body is known.
    Full(ResponseHead, Payload),
    /// The body comes in parts, each of which is sent at once.
    Stream(ResponseHead, StreamReader),
    /// As `Stream`, but the application frames the body itself (it set `transfer-encoding`): bytes pass untouched.
    Framed(ResponseHead, StreamReader),
    /// The body is a file, or parts of it.
    File(ResponseHead, FileBody),
    /// The application takes the connection; with a head, this is sent first (101).
    Takeover(Option<ResponseHead>, Takeover),
    /// The connection speaks another protocol from here on; the head is sent first.
    Upgrade(ResponseHead, Opening),
    /// Close the connection without an answer.
    Abort,
    /// The ticket was dropped unanswered; the client gets a 500.
    Lost,
}

impl Reply {
    /// What the client gets first, where the application has said it.
    pub fn head(&self) -> Option<&ResponseHead> {
        match self {
            Reply::Full(head, _)
            | Reply::Stream(head, _)
            | Reply::Framed(head, _)
            | Reply::File(head, _)
            | Reply::Takeover(Some(head), _)
            | Reply::Upgrade(head, _) => Some(head),
            Reply::Takeover(None, _) | Reply::Abort | Reply::Lost => None,
        }
    }
}

/// A body that is read from a file as it is sent.
#[derive(Debug)]
pub struct FileBody {
    file: File,
    segments: VecDeque<Segment>,
    len: u64,
}

#[derive(Debug)]
enum Segment {
    Part(Range<u64>),
    Bytes(Bytes),
}

impl FileBody {
    /// The first `len` bytes of the file, wherever its position is.
    pub fn whole(file: File, len: u64) -> FileBody {
        let mut body = FileBody::empty(file);
        body.push_part(0..len);
        body
    }

    /// Nothing of the file yet.
    pub fn empty(file: File) -> FileBody {
        FileBody { file, segments: VecDeque::new(), len: 0 }
    }

    /// Adds a part of the file.
    pub fn push_part(&mut self, part: Range<u64>) {
        self.len += part.end.saturating_sub(part.start);
        self.segments.push_back(Segment::Part(part));
    }

    /// Adds bytes that are not in the file.
    pub fn push_bytes(&mut self, bytes: Bytes) {
        self.len += bytes.len() as u64;
        self.segments.push_back(Segment::Bytes(bytes));
    }

    /// Bytes not yet read.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The next piece of at most `limit` bytes; `None` at the end.
    ///
    /// # Errors
    /// When the file cannot be read, or has become shorter than was promised.
    pub fn read(&mut self, limit: u64) -> io::Result<Option<Bytes>> {
        let piece = loop {
            match self.segments.pop_front() {
                None => return Ok(None),
                Some(Segment::Bytes(bytes)) => break bytes,
                Some(Segment::Part(part)) if part.is_empty() => {}
                Some(Segment::Part(part)) => {
                    let end = part.end.min(part.start + limit);
                    let piece = read_at(&self.file, part.start, (end - part.start) as usize)?;
                    self.segments.push_front(Segment::Part(end..part.end));
                    break Bytes::from(piece);
                }
            }
        };
        self.len -= piece.len() as u64;
        Ok(Some(piece))
    }
}

/// `len` bytes of the file. They are not cleared before they are read, which for a large file would cost as much as a third
/// of reading it.
fn read_at(file: &File, start: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(len);
    while bytes.len() < len {
        let at = start + bytes.len() as u64;
        match pread(file, spare_capacity(&mut bytes), at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    // There may be more room than was asked for.
    bytes.truncate(len);
    Ok(bytes)
}

/// A complete body in one or several pieces.
#[derive(Debug, Default)]
pub struct Payload {
    pieces: Fifo<Bytes>,
    len: u64,
}

impl Payload {
    /// Adds a piece; empty ones are dropped.
    pub fn push(&mut self, piece: Bytes) {
        if piece.is_empty() {
            return;
        }
        self.len += piece.len() as u64;
        self.pieces.push_back(piece);
    }

    /// Bytes not yet taken.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes the next piece.
    pub fn pop(&mut self) -> Option<Bytes> {
        let piece = self.pieces.pop_front()?;
        self.len -= piece.len() as u64;
        Some(piece)
    }

    /// Cuts the body at `limit` bytes (an application that declared less than it gives).
    pub fn truncate(&mut self, limit: u64) {
        while let Some(last) = self.pieces.back_mut().filter(|_| self.len > limit) {
            let dropped = (self.len - limit).min(last.len() as u64);
            last.truncate(last.len() - dropped as usize);
            self.len -= dropped;
            if last.is_empty() {
                self.pieces.pop_back();
            }
        }
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        let mut payload = Payload::default();
        payload.push(bytes);
        payload
    }
}
