//! Strings that every env holds, made once: frozen, interned, never collected. The table is fixed; nothing a client
//! sends is ever added to it.

use std::sync::OnceLock;

use http::{HeaderName, Method};
use rb_sys::{VALUE, rb_gc_register_mark_object, rb_interned_str};

/// Longest header name of the table.
const LONGEST: usize = 32;

/// Request headers that browsers, proxies and tools send.
const COMMON: &[&str] = &[
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "access-control-request-headers",
    "access-control-request-method",
    "authorization",
    "cache-control",
    "cdn-loop",
    "cf-connecting-ip",
    "cf-ray",
    "connection",
    "cookie",
    "dnt",
    "expect",
    "forwarded",
    "from",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "keep-alive",
    "last-event-id",
    "max-forwards",
    "origin",
    "pragma",
    "priority",
    "range",
    "referer",
    "save-data",
    "sec-ch-ua",
    "sec-ch-ua-mobile",
    "sec-ch-ua-platform",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-fetch-user",
    "sec-gpc",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-protocol",
    "sec-websocket-version",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "upgrade",
    "upgrade-insecure-requests",
    "user-agent",
    "via",
    "x-csrf-token",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-forwarded-scheme",
    "x-forwarded-ssl",
    "x-http-method-override",
    "x-real-ip",
    "x-request-id",
    "x-request-start",
    "x-requested-with",
];

const METHODS: &[&str] = &["GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"];

macro_rules! keys {
    ($($name:ident = $text:literal),* $(,)?) => {
        /// The table.
        pub(crate) struct Keys {
            $(pub(crate) $name: VALUE,)*
            methods: Vec<(&'static str, VALUE)>,
            /// Common header names by length.
            headers: [Vec<(&'static str, VALUE)>; LONGEST + 1],
        }

        impl Keys {
            fn new() -> Keys {
                Keys {
                    $($name: immortal($text.as_bytes()),)*
                    methods: METHODS.iter().map(|method| (*method, immortal(method.as_bytes()))).collect(),
                    headers: common_headers(),
                }
            }
        }
    };
}

keys! {
    empty = "", get = "GET", https = "https", http_10 = "HTTP/1.0", http_11 = "HTTP/1.1", port_80 = "80",
    port_443 = "443", localhost = "localhost", loopback = "127.0.0.1",
    request_method = "REQUEST_METHOD", script_name = "SCRIPT_NAME", path_info = "PATH_INFO",
    request_path = "REQUEST_PATH", query_string = "QUERY_STRING", request_uri = "REQUEST_URI", fragment = "FRAGMENT",
    server_name = "SERVER_NAME", server_port = "SERVER_PORT", server_protocol = "SERVER_PROTOCOL",
    http_version = "HTTP_VERSION", remote_addr = "REMOTE_ADDR", content_length = "CONTENT_LENGTH",
    content_type = "CONTENT_TYPE", server_software = "SERVER_SOFTWARE", gateway_interface = "GATEWAY_INTERFACE",
    cgi = "CGI/1.2", http_host = "HTTP_HOST", https_key = "HTTPS", peer_certificate = "puma.peercert",
    url_scheme = "rack.url_scheme", input = "rack.input", errors = "rack.errors", version = "rack.version",
    multithread = "rack.multithread", multiprocess = "rack.multiprocess", run_once = "rack.run_once",
    hijack_p = "rack.hijack?", hijack = "rack.hijack", hijack_io = "rack.hijack_io", socket = "puma.socket",
    early_hints = "rack.early_hints", after_reply = "rack.after_reply", response_finished = "rack.response_finished",
    io_bound = "puma.mark_as_io_bound", body_wait = "puma.request_body_wait", queue_time = "iodine_rs.queue_time",
    rack_upgrade_p = "rack.upgrade?", rack_upgrade = "rack.upgrade", websocket_p = "upgrade.websocket?",
    websocket = "upgrade.websocket", iodine_websocket = "iodine.websocket",
}

static KEYS: OnceLock<Keys> = OnceLock::new();

/// Builds the table. Called once, while the library is loaded.
pub(crate) fn init() {
    KEYS.get_or_init(Keys::new);
}

/// The table.
pub(crate) fn keys() -> &'static Keys {
    KEYS.get_or_init(Keys::new)
}

impl Keys {
    /// Keys that mean nothing behind the request.
    pub(crate) fn of_request(&self) -> [VALUE; 7] {
        [
            self.hijack,
            self.socket,
            self.after_reply,
            self.response_finished,
            self.queue_time,
            self.body_wait,
            self.io_bound,
        ]
    }

    /// The String for a method of the table.
    pub(crate) fn method(&self, method: &Method) -> Option<VALUE> {
        let name = method.as_str();
        self.methods.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// The env key for a common header.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<VALUE> {
        let name = name.as_str();
        self.headers.get(name.len())?.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}

/// Writes the env key for a header name into `buffer`: `HTTP_`, upper case, `_` for `-`. Returns its length, `None`
/// where the name is longer than the buffer.
pub(crate) fn write_header_key(name: &str, buffer: &mut [u8]) -> Option<usize> {
    let length = "HTTP_".len() + name.len();
    let target = buffer.get_mut(..length)?;
    target[..5].copy_from_slice(b"HTTP_");
    for (to, from) in target[5..].iter_mut().zip(name.bytes()) {
        *to = if from == b'-' { b'_' } else { from.to_ascii_uppercase() };
    }
    Some(length)
}

fn common_headers() -> [Vec<(&'static str, VALUE)>; LONGEST + 1] {
    let mut table = [const { Vec::new() }; LONGEST + 1];
    let mut buffer = [0; 64];
    for name in COMMON {
        if let Some(length) = write_header_key(name, &mut buffer) {
            table[name.len()].push((*name, immortal(&buffer[..length])));
        }
    }
    table
}

fn immortal(text: &[u8]) -> VALUE {
    // SAFETY: called from `init` and from methods, with the GVL; the bytes are copied; the String is registered as a
    // root at once, so it is never collected or moved.
    unsafe {
        let value = rb_interned_str(text.as_ptr().cast(), text.len() as i64);
        rb_gc_register_mark_object(value);
        value
    }
}
