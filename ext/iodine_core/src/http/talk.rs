//! What the exchanges of one connection have in common, and what each of them does with it.

use std::future::pending;
use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http::request::Parts;

use super::link::{Detach, Link};
use super::refusal::Refusal;
use super::refused;
use super::shared::Shared;
use crate::access_log::Record;
use crate::handoff::{Ends, Pace, Payload, Reply, Request as AppRequest, ResponseHead, TlsSession};

/// What the exchanges of one connection share.
#[derive(Debug)]
pub(crate) struct Talk {
    pub(crate) link: Arc<Link>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) ends: Arc<Ends>,
    pub(crate) pace: Pace,
    pub(crate) tls: Option<Arc<TlsSession>>,
}

impl Talk {
    /// A request of this connection that says nothing yet.
    pub(super) fn blank(&self) -> Box<AppRequest> {
        self.request(Request::new(()).into_parts().0, None)
    }

    /// A request of this connection, without its body.
    pub(super) fn request(&self, parts: Parts, raw_target: Option<Bytes>) -> Box<AppRequest> {
        let mut request = Box::new(AppRequest::new(parts, raw_target, self.ends.clone(), self.pace.clone()));
        request.tls.clone_from(&self.tls);
        request
    }

    /// The record of a request, where there is an access log. Dropped, it is a line.
    pub(super) fn record(&self, request: &AppRequest) -> Option<Record> {
        let mut record = self.shared.access_log.as_ref()?.begin(&request.parts, self.ends.peer);
        record.targeted(request.raw_target.as_ref());
        Some(record)
    }

    /// Turns the request away; the connection ends with what the client is told.
    pub(super) async fn refuse(
        &self,
        request: Box<AppRequest>,
        refusal: &Refusal,
        record: &mut Option<Record>,
    ) -> (ResponseHead, Payload) {
        let parts = &request.parts;
        refused::log_refusal(&self.shared, self.ends.peer, refusal, &format!("{} {}", parts.method, parts.uri.path()));
        let (head, body) = refused::answer(self, refusal, request, true).await;
        if let Some(record) = record {
            record.refused(head.status);
        }
        (head, body)
    }

    /// Counts a response, and takes it down.
    pub(super) fn note(&self, reply: &Reply, record: &mut Option<Record>) {
        self.shared.responses.note_reply(reply);
        if let Some(record) = record {
            record.answered(reply);
        }
    }

    /// Whether the present response is the last one of its connection.
    pub(super) fn is_last(&self) -> bool {
        self.link.lock().last || self.shared.is_draining()
    }

    /// Leaves the rest to the connection. This future never ends; it is dropped with hyper's part of the connection.
    pub(super) async fn leave_hyper<T>(&self, detach: Box<Detach>) -> T {
        self.link.lock().detach = Some(detach);
        pending().await
    }
}
