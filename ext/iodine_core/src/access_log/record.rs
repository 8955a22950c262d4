//! What is known of one request.

use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, StatusCode, Uri, Version};

use super::AccessLog;
use crate::handoff::{Peer, Reply};

/// The notes on one request. Dropped, they become a line.
#[derive(Debug)]
pub(crate) struct Record {
    log: AccessLog,
    /// `Some` until dropped.
    facts: Option<Box<Facts>>,
    begun: Instant,
}

/// What a line is made of.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) method: Method,
    pub(super) uri: Uri,
    /// The target as sent, where `uri` does not have it.
    pub(super) raw_target: Option<Bytes>,
    pub(super) version: Version,
    pub(super) peer: Peer,
    /// Values of [`super::Format::fields`], in their order.
    pub(super) fields: Vec<Option<HeaderValue>>,
    pub(super) outcome: Outcome,
    /// Of the body.
    pub(super) bytes: u64,
    pub(super) ended: SystemTime,
    pub(super) duration: Duration,
}

/// What the client got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing: it was gone before.
    Gone,
    Status(u16),
    /// The application has taken the connection.
    Hijacked,
}

impl Record {
    pub(super) fn new(log: AccessLog, parts: &Parts, peer: Peer, fields: &[HeaderName]) -> Record {
        let facts = Facts {
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            raw_target: None,
            version: parts.version,
            peer,
            fields: fields.iter().map(|name| parts.headers.get(name).cloned()).collect(),
            outcome: Outcome::Gone,
            bytes: 0,
            ended: SystemTime::UNIX_EPOCH,
            duration: Duration::ZERO,
        };
        Record { log, facts: Some(Box::new(facts)), begun: Instant::now() }
    }

    /// The target as it was sent.
    pub(crate) fn targeted(&mut self, raw: Option<&Bytes>) {
        if let Some(facts) = &mut self.facts {
            facts.raw_target = raw.cloned();
        }
    }

    /// The answer is known.
    pub(crate) fn answered(&mut self, reply: &Reply) {
        self.end(match (reply, reply.head()) {
            (_, Some(head)) => Outcome::Status(head.status.as_u16()),
            (Reply::Takeover(..), None) => Outcome::Hijacked,
            (_, None) => Outcome::Status(StatusCode::INTERNAL_SERVER_ERROR.as_u16()),
        });
    }

    /// The request was turned away.
    pub(crate) fn refused(&mut self, status: StatusCode) {
        self.end(Outcome::Status(status.as_u16()));
    }

    /// So much of the body is on its way.
    pub(crate) fn sent(&mut self, bytes: usize) {
        if let Some(facts) = &mut self.facts {
            facts.bytes += bytes as u64;
        }
    }

    fn end(&mut self, outcome: Outcome) {
        if let Some(facts) = &mut self.facts {
            facts.outcome = outcome;
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if let Some(mut facts) = self.facts.take() {
            facts.ended = SystemTime::now();
            facts.duration = self.begun.elapsed();
            self.log.write(facts);
        }
    }
}
