//! Whether a client has the file already, or wants it only as it was (RFC 9110 §13).

use std::time::SystemTime;

use headers::{ETag, HeaderMapExt, IfMatch, IfModifiedSince, IfNoneMatch, IfRange, IfUnmodifiedSince, LastModified};
use http::header::{HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE};
use http::{HeaderMap, Method};

/// The conditions of one request.
#[derive(Debug)]
pub(super) struct Conditions<'a> {
    method: &'a Method,
    headers: &'a HeaderMap,
}

/// What follows from them.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict<'a> {
    /// 412: it has changed.
    Failed,
    /// 304: the client has it.
    NotModified,
    /// All of it.
    Whole,
    /// What the value of `Range` says.
    Range(&'a [u8]),
}

impl<'a> Conditions<'a> {
    /// The fields that count.
    pub(super) const NAMES: [HeaderName; 6] =
        [IF_MATCH, IF_UNMODIFIED_SINCE, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_RANGE, RANGE];

    pub(super) fn of(method: &'a Method, headers: &'a HeaderMap) -> Conditions<'a> {
        Conditions { method, headers }
    }

    /// Judges a file, in the order of RFC 9110 §13.2.2. What cannot be understood is ignored.
    pub(super) fn judge(&self, etag: &ETag, modified: SystemTime) -> Verdict<'a> {
        if self.precondition_fails(etag, modified) {
            return Verdict::Failed;
        }
        if self.client_has_it(etag, modified) {
            return Verdict::NotModified;
        }
        match self.headers.get(RANGE) {
            Some(range) if self.method == Method::GET && self.range_holds(etag, modified) => {
                Verdict::Range(range.as_bytes())
            }
            _ => Verdict::Whole,
        }
    }

    fn precondition_fails(&self, etag: &ETag, modified: SystemTime) -> bool {
        if let Some(condition) = self.headers.typed_get::<IfMatch>() {
            return !condition.precondition_passes(etag);
        }
        self.headers.typed_get::<IfUnmodifiedSince>().is_some_and(|condition| !condition.precondition_passes(modified))
    }

    fn client_has_it(&self, etag: &ETag, modified: SystemTime) -> bool {
        if let Some(condition) = self.headers.typed_get::<IfNoneMatch>() {
            return !condition.precondition_passes(etag);
        }
        self.headers.typed_get::<IfModifiedSince>().is_some_and(|condition| !condition.is_modified(modified))
    }

    fn range_holds(&self, etag: &ETag, modified: SystemTime) -> bool {
        if !self.headers.contains_key(IF_RANGE) {
            return true;
        }
        let modified = LastModified::from(modified);
        self.headers.typed_get::<IfRange>().is_some_and(|condition| !condition.is_modified(Some(etag), Some(&modified)))
    }
}
