//! A whole connection to a real server: the application sees the requests, and after an upgrade the messages, that our
//! rules find in the bytes, in whatever pieces these arrive; and a connection that was opened is closed exactly once.

use std::collections::HashMap;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use crossbeam_channel::{Receiver, Sender, unbounded};
use http::header::{CONNECTION, CONTENT_LENGTH};
use http::request::Parts;
use http::{HeaderMap, StatusCode, Version};
use iodine_core::handoff::{Call, Crew, Event, Job, Payload, Reply, Request, RequestBody, ResponseHead, Visit, Wait};
use iodine_core::http::chunks::Chunks;
use iodine_core::http::head::{Framing, Rules, Scan, inspect, scan};
use iodine_core::log::Log;
use iodine_core::net::Binding;
use iodine_core::pubsub::hub::Hub;
use iodine_core::realtime::{Client, Opening, Protocol};
use iodine_core::server::Server;
use iodine_core::settings::AllowedOrigins;
use iodine_core::ws::decoder::{Decoder, Incoming};
use iodine_core::ws::handshake::{self, Asked};
use tempfile::TempDir;

use super::cuts;
use super::limits::LIMITS;
use super::settings::settings;

/// `max_message_size`, and the longest input.
const LARGEST: usize = 100_000;

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(10);

/// What the application sees.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Request { method: String, target: Bytes, fields: usize, body: Bytes },
    Upgrade,
    Open,
    Text(Bytes),
    Binary(Bytes),
    Close,
}

impl Seen {
    fn request(parts: &Parts, raw_target: Option<&[u8]>, body: Bytes) -> Seen {
        let target = raw_target.map_or_else(|| parts.uri.to_string().into(), Bytes::copy_from_slice);
        // Where chunks overrule a length, hyper takes that out.
        let fields = parts.headers.len() - parts.headers.get_all(CONTENT_LENGTH).iter().count();
        Seen::Request { method: parts.method.to_string(), target, fields, body }
    }
}

/// See the module.
pub fn check(bytes: &[u8]) {
    if bytes.len() > LARGEST {
        return;
    }
    let expected = expected(bytes);
    let site = SITE.lock().unwrap_or_else(PoisonError::into_inner);
    for pieces in [vec![bytes], cuts::unequal(bytes, 1 + bytes.len() / 3)] {
        let seen = site.converse(&pieces);
        assert_eq!(seen, expected, "in {} pieces", pieces.len());
    }
}

// --- By the rules -----------------------------------------------------------------------------------------------------

/// What the application has to see of a client that sends `bytes` and ends.
fn expected(mut bytes: &[u8]) -> Vec<Seen> {
    let rules = Rules { limits: &LIMITS, methods: None };
    let mut seen = Vec::new();
    while let Ok(Scan::Complete(len)) = scan(bytes, 0, &LIMITS) {
        let Ok(head) = inspect(&bytes[..len], &rules) else { break };
        let Some((body, rest)) = body(&bytes[len..], head.framing) else { break };
        let parts = parts(&bytes[..len]);
        seen.push(Seen::request(&parts, head.raw_target.map(|raw| &bytes[raw]), body));
        if matches!(handshake::examine(&parts), Asked::WebSocket(_)) {
            seen.extend(messages(rest));
            break;
        }
        if head.close_after || ends(&parts) {
            break;
        }
        bytes = rest;
    }
    seen
}

/// The body, decoded, and what follows it. `None` where it is wrong or has no end.
fn body(bytes: &[u8], framing: Framing) -> Option<(Bytes, &[u8])> {
    match framing {
        Framing::None => Some((Bytes::new(), bytes)),
        Framing::Length(length) => {
            let (body, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
            Some((Bytes::copy_from_slice(body), rest))
        }
        Framing::Chunked => {
            let advance = Chunks::new(&LIMITS).advance(bytes).ok().filter(|advance| advance.done)?;
            let (body, rest) = bytes.split_at(advance.used);
            Some((unchunked(body), rest))
        }
    }
}

/// The data of a valid chunked body.
fn unchunked(mut bytes: &[u8]) -> Bytes {
    let mut data = BytesMut::new();
    loop {
        let digits = bytes.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let size = std::str::from_utf8(&bytes[..digits]).ok().and_then(|digits| usize::from_str_radix(digits, 16).ok());
        let size = size.expect("valid");
        if size == 0 {
            return data.freeze();
        }
        let line = bytes.iter().position(|&byte| byte == b'\n').expect("valid") + 1;
        data.extend_from_slice(&bytes[line..line + size]);
        bytes = &bytes[line + size + 2..];
    }
}

/// A request by httparse, which also reads it inside hyper.
fn parts(bytes: &[u8]) -> Parts {
    let mut fields = vec![httparse::EMPTY_HEADER; LIMITS.header_count];
    let mut parsed = httparse::Request::new(&mut fields);
    parsed.parse(bytes).expect("accepted by hyper");
    let version = if parsed.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
    let (method, target) = (parsed.method.unwrap_or_default(), parsed.path.unwrap_or_default());
    let mut request = http::Request::builder().method(method).uri(target).version(version);
    for field in parsed.headers.iter() {
        request = request.header(field.name, field.value);
    }
    request.body(()).expect("accepted by http").into_parts().0
}

/// Whether the connection ends behind the response (RFC 9112 §9.3).
fn ends(parts: &Parts) -> bool {
    let values = parts.headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let options: Vec<_> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
    let has = |wanted| options.iter().any(|option| option.eq_ignore_ascii_case(wanted));
    has("close") || (parts.version == Version::HTTP_10 && !has("keep-alive"))
}

fn messages(bytes: &[u8]) -> Vec<Seen> {
    let (mut decoder, mut buffer, mut seen) =
        (Decoder::new(LARGEST), BytesMut::from(bytes), vec![Seen::Upgrade, Seen::Open]);
    while let Ok(Some(incoming)) = decoder.next(&mut buffer) {
        match incoming {
            Incoming::Text(text) => seen.push(Seen::Text(text)),
            Incoming::Binary(data) => seen.push(Seen::Binary(data)),
            Incoming::Ping(_) | Incoming::Pong(_) | Incoming::Close(_) => {}
        }
    }
    seen.push(Seen::Close);
    seen
}

// --- By the server ----------------------------------------------------------------------------------------------------

struct Site {
    path: PathBuf,
    seen: Receiver<Seen>,
    _server: Server,
    _place: TempDir,
}

/// One connection at a time.
static SITE: LazyLock<Mutex<Site>> = LazyLock::new(|| {
    let place = tempfile::tempdir().expect("a directory");
    let path = place.path().join("socket");
    let listener = UnixListener::bind(&path).expect("a socket");
    let listeners = vec![Binding::plain(listener, "unix")];
    let mut settings = settings();
    settings.realtime.max_message_size = LARGEST;
    settings.realtime.allowed_origins = AllowedOrigins::Any;
    let server = Server::start(settings, listeners, Hub::new(), Log::channel().0).expect("a server");
    let (tell, seen) = unbounded();
    let crew = server.crew().clone();
    thread::spawn(move || App { tell, clients: HashMap::new() }.work(&crew));
    Mutex::new(Site { path, seen, _server: server, _place: place })
});

impl Site {
    /// Sends the pieces, ends, and waits for the server to end. Returns what the application has seen.
    fn converse(&self, pieces: &[&[u8]]) -> Vec<Seen> {
        let mut socket = UnixStream::connect(&self.path).expect("a connection");
        let mut reader = socket.try_clone().expect("a copy");
        socket.set_write_timeout(Some(LIMIT)).expect("a limit");
        reader.set_read_timeout(Some(LIMIT)).expect("a limit");
        thread::scope(|scope| {
            // Answers are read meanwhile: nobody waits for room.
            scope.spawn(move || {
                let ended = reader.read_to_end(&mut Vec::new());
                // A reset is an end, too: bytes behind a refusal are not read.
                assert!(!ended.is_err_and(|error| error.kind() == ErrorKind::WouldBlock), "the server does not end");
            });
            for piece in pieces {
                if socket.write_all(piece).is_err() {
                    break;
                }
                thread::yield_now();
            }
            // The server may have ended the connection.
            let _ = socket.shutdown(Shutdown::Write);
        });
        self.collect()
    }

    /// A connection that was opened has to be closed; its callback may come after the end of the socket.
    fn collect(&self) -> Vec<Seen> {
        let mut seen: Vec<_> = self.seen.try_iter().collect();
        while seen.contains(&Seen::Upgrade) && !seen.contains(&Seen::Close) {
            seen.push(self.seen.recv_timeout(LIMIT).expect("on_close"));
        }
        seen
    }
}

/// The one thread of the application.
struct App {
    tell: Sender<Seen>,
    clients: HashMap<u64, Arc<Client>>,
}

impl App {
    fn work(mut self, crew: &Arc<Crew>) {
        let mut worker = crew.join();
        while worker.wait() != Wait::Retire {
            match worker.take() {
                Some(Job::Call(call)) => self.answer(call),
                Some(Job::Visit(visit)) => self.attend(visit),
                None => {}
            }
        }
    }

    fn tell(&self, seen: Seen) {
        self.tell.send(seen).expect("the site is there");
    }

    fn answer(&mut self, Call { request, ticket }: Call) {
        let Request { parts, raw_target, body, upgrade, .. } = *request;
        let body = match body {
            RequestBody::Empty => Bytes::new(),
            RequestBody::Memory(bytes) => bytes,
            RequestBody::File { file, .. } => read_all(file),
        };
        self.tell(Seen::request(&parts, raw_target.as_deref(), body));
        let upgrade = upgrade.filter(|upgrade| upgrade.protocol() == Some(Protocol::WebSocket));
        let Some((upgrade, client)) = upgrade.and_then(|upgrade| upgrade.client().map(|client| (upgrade, client)))
        else {
            let head = ResponseHead { status: StatusCode::OK, headers: HeaderMap::new() };
            return ticket.answer(Reply::Full(head, Payload::default()));
        };
        self.tell(Seen::Upgrade);
        self.clients.insert(client.id(), client.clone());
        ticket.answer(Reply::Upgrade(upgrade.head(HeaderMap::new()), Opening::new(client)));
    }

    /// As the bridge does.
    fn attend(&mut self, mut visit: Visit) {
        while let Some(event) = visit.take() {
            match event {
                Event::Open => self.tell(Seen::Open),
                Event::Text(text) => self.tell(Seen::Text(text)),
                Event::Binary(data) => self.tell(Seen::Binary(data)),
                Event::Ending(code, reason) => self.clients[&visit.id()].close(code, reason),
                Event::Close => {
                    self.clients.remove(&visit.id());
                    self.tell(Seen::Close);
                }
                other => panic!("nobody asked for {other:?}"),
            }
        }
    }
}

fn read_all(mut file: File) -> Bytes {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).expect("a readable body");
    bytes.into()
}
