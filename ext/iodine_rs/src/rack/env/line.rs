//! The request line: method, path, query.

use http::Method;
use iodine_core::handoff::Request;
use rb_sys::VALUE;

use super::places::{Place, Places};
use super::{Env, string};
use crate::keys::keys;

/// SAFETY, for all of it: as for [`Env`].
impl Places {
    pub(super) unsafe fn request_line(&mut self, request: &Request) {
        let (method, uri) = (&request.parts.method, &request.parts.uri);
        // SAFETY: see the impl.
        unsafe {
            if *method != Method::GET {
                let name = keys().method(method).unwrap_or_else(|| string(method.as_str().as_bytes()));
                self.set(Place::RequestMethod, name);
            }
            let path = string(uri.path().as_bytes());
            self.set(Place::PathInfo, path);
            self.set(Place::RequestPath, path);
            if let Some(query) = uri.query().filter(|query| !query.is_empty()) {
                self.set(Place::QueryString, string(query.as_bytes()));
            }
            self.set(Place::RequestUri, request_uri(request, path));
        }
    }
}

/// The target as it was sent, but for a fragment. Where that is the path, it is the path's String, as `REQUEST_PATH` is here
/// and with Puma.
///
/// SAFETY: as for [`Env`].
unsafe fn request_uri(request: &Request, path: VALUE) -> VALUE {
    let uri = &request.parts.uri;
    let target = match &request.raw_target {
        Some(raw) => split_fragment(raw).0,
        None => uri.path_and_query().map_or(uri.path(), |target| target.as_str()).as_bytes(),
    };
    if target == uri.path().as_bytes() {
        return path;
    }
    // SAFETY: see above.
    unsafe { if target.is_empty() { keys().empty } else { string(target) } }
}

/// SAFETY: see the other impl.
impl Env {
    pub(super) unsafe fn fragment(&self, request: &Request) {
        if let Some(fragment) = request.raw_target.as_ref().and_then(|raw| split_fragment(raw).1) {
            // SAFETY: see the impl.
            unsafe {
                self.set(self.keys.fragment, if fragment.is_empty() { self.keys.empty } else { string(fragment) })
            };
        }
    }
}

/// What is before the `#`, and what is behind it.
fn split_fragment(target: &[u8]) -> (&[u8], Option<&[u8]>) {
    match target.iter().position(|byte| *byte == b'#') {
        Some(at) => (&target[..at], Some(&target[at + 1..])),
        None => (target, None),
    }
}
