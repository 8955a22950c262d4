//! Header fields as env keys.

use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, HeaderName, TRANSFER_ENCODING};
use rb_sys::{VALUE, rb_interned_str, rb_str_cat};

use super::{Env, string};
use crate::keys::write_header_key;
use crate::rack::context::Context;

/// SAFETY: see the other impl.
impl Env {
    pub(super) unsafe fn fields(&self, cx: &Context, headers: &HeaderMap) {
        let repeated = headers.len() != headers.keys_len();
        if !repeated {
            for (name, value) in headers {
                // SAFETY: see the impl.
                unsafe { self.field(cx, headers, name, |_| string(value.as_bytes())) };
            }
            return;
        }
        for name in headers.keys() {
            // SAFETY: see the impl.
            unsafe { self.field(cx, headers, name, |name| joined(headers, name)) };
        }
    }

    unsafe fn field(
        &self,
        cx: &Context,
        headers: &HeaderMap,
        name: &HeaderName,
        value: impl FnOnce(&HeaderName) -> VALUE,
    ) {
        if *name == HOST {
            return;
        }
        // SAFETY: see the impl.
        unsafe {
            if *name == CONTENT_TYPE {
                return self.set(self.keys.content_type, value(name));
            }
            if *name == CONTENT_LENGTH {
                return self.set(self.keys.content_length, value(name));
            }
            if let Some(key) = self.keys.header(name) {
                return self.set(key, value(name));
            }
            if !is_passed(cx, headers, name) {
                return;
            }
            // Longer names than `max_header_name_size` do not get here; the buffer is larger than any sane setting.
            let mut buffer = [0; 1024];
            let Some(length) = write_header_key(name.as_str(), &mut buffer) else {
                return;
            };
            self.set(rb_interned_str(buffer.as_ptr().cast(), length as i64), value(name));
        }
    }
}

/// Repeated fields in one String: RFC 9110 §5.3; Cookie by RFC 9113 §8.2.3.
fn joined(headers: &HeaderMap, name: &HeaderName) -> VALUE {
    let separator: &[u8] = if *name == COOKIE { b"; " } else { b", " };
    // SAFETY: called from `fields`, inside `protect`, with the GVL.
    unsafe {
        let all = string(b"");
        for (index, value) in headers.get_all(name).iter().enumerate() {
            if index > 0 {
                rb_str_cat(all, separator.as_ptr().cast(), separator.len() as i64);
            }
            rb_str_cat(all, value.as_bytes().as_ptr().cast(), value.len() as i64);
        }
        all
    }
}

/// Names that must not reach the env, or not under that key.
fn is_passed(cx: &Context, headers: &HeaderMap, name: &HeaderName) -> bool {
    let text = name.as_str();
    // `HTTP_PROXY` configures HTTP clients (httpoxy, CVE-2016-5385). `HTTP_VERSION` is the server's to set.
    if text == "proxy" || text == "version" || *name == TRANSFER_ENCODING {
        return false;
    }
    if !text.contains('_') {
        return true;
    }
    // CVE-2024-45614: a name with `_` has the same key as the one with `-`, which wins.
    let dashed = HeaderName::from_bytes(text.replace('_', "-").as_bytes());
    let has_twin = dashed.is_ok_and(|dashed| headers.contains_key(dashed));
    cx.underscore_headers && !has_twin && !matches!(text, "content_type" | "content_length")
}
