//! Follows a chunked body from outside (RFC 9112 §7.1): in come its bytes as they arrive, in pieces of any size, out
//! goes how many of them belong to the body. Nothing is decoded or kept: hyper does that behind us, and like
//! [`super::head`] these rules are stricter than its own, so that a body with an error never reaches the application.

mod line;

use self::line::{Size, Trailers};
use super::head::ABSURD;
use super::refusal::Refusal;
use crate::settings::Limits;

/// How far one piece of bytes went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advance {
    /// So many bytes at the front belong to the body; all of them unless it ended.
    pub used: usize,
    /// The body ended there. What follows is the next request.
    pub done: bool,
}

/// Where in a chunked body the next byte stands.
#[derive(Debug, Clone)]
pub struct Chunks {
    state: State,
    size: Size,
    trailers: Trailers,
    /// Data bytes announced so far.
    announced: u64,
    limit: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size,
    /// Inside a chunk: so many bytes of data are missing, then CRLF.
    Data(u64),
    DataCr,
    DataLf,
    Trailers,
    Done,
}

impl Chunks {
    /// Before the first byte of a body.
    pub fn new(limits: &Limits) -> Self {
        Self {
            state: State::Size,
            size: Size::new(limits),
            trailers: Trailers::new(limits),
            announced: 0,
            limit: limits.content_length.unwrap_or(ABSURD - 1),
        }
    }

    /// Takes the next bytes of the connection.
    ///
    /// # Errors
    /// 400 for anything that is not a chunked body, 413 if it announces more data than allowed, 431 for trailers above
    /// the limit of a head. The connection is of no use then, nor is `self`.
    pub fn advance(&mut self, bytes: &[u8]) -> Result<Advance, Refusal> {
        let mut used = 0;
        while let Some(&byte) = bytes.get(used) {
            used += match self.state {
                State::Done => break,
                State::Data(missing) => self.skip(missing, bytes.len() - used),
                _ => {
                    self.state = self.step(byte)?;
                    1
                }
            };
        }
        Ok(Advance { used, done: self.state == State::Done })
    }

    /// Skips as much data as there is.
    fn skip(&mut self, missing: u64, there: usize) -> usize {
        let skipped = usize::try_from(missing).map_or(there, |missing| missing.min(there));
        self.state = match missing - skipped as u64 {
            0 => State::DataCr,
            rest => State::Data(rest),
        };
        skipped
    }

    fn step(&mut self, byte: u8) -> Result<State, Refusal> {
        match (self.state, byte) {
            (State::Size, _) => match self.size.step(byte)? {
                None => Ok(State::Size),
                Some(0) => Ok(State::Trailers),
                Some(size) => self.announce(size),
            },
            (State::DataCr, b'\r') => Ok(State::DataLf),
            (State::DataLf, b'\n') => Ok(State::Size),
            (State::Trailers, _) if self.trailers.step(byte)? => Ok(State::Done),
            (State::Trailers, _) => Ok(State::Trailers),
            _ => Err(Refusal::bad_request("chunk data not ended by CRLF at its size (RFC 9112 §7.1)")),
        }
    }

    fn announce(&mut self, size: u64) -> Result<State, Refusal> {
        self.announced = self.announced.saturating_add(size);
        if self.announced > self.limit {
            return Err(Refusal::payload_too_large("chunked body above its limit"));
        }
        Ok(State::Data(size))
    }
}
