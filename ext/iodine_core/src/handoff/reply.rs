//! What the application answers.

use std::collections::VecDeque;
use std::fs::File;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::stream::StreamReader;
use super::takeover::Takeover;
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
    /// The body is this many bytes of a file, from its start.
    File(ResponseHead, File, u64),
    /// The application takes the connection; with a head, this is sent first (101).
    Takeover(Option<ResponseHead>, Takeover),
    /// The connection speaks another protocol from here on; the head is sent first.
    Upgrade(ResponseHead, Opening),
    /// Close the connection without an answer.
    Abort,
    /// The ticket was dropped unanswered; the client gets a 500.
    Lost,
}

/// A complete body in one or several pieces.
#[derive(Debug, Default)]
pub struct Payload {
    pieces: VecDeque<Bytes>,
    len: u64,
}

impl Payload {
    /// Adds a piece; empty ones are dropped.
    pub fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.len += piece.len() as u64;
            self.pieces.push_back(piece);
        }
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
        while self.len > limit {
            let Some(mut last) = self.pieces.pop_back() else { return };
            let excess = self.len - limit;
            let dropped = excess.min(last.len() as u64);
            last.truncate(last.len() - dropped as usize);
            self.len -= dropped;
            if !last.is_empty() {
                self.pieces.push_back(last);
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
