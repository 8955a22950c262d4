//! Plain settings. No defaults live here: Ruby owns them (`lib/iodine_rs/options/table.rb`), so that the command line, the
//! configuration file and the documentation cannot drift apart.

use std::path::PathBuf;
use std::time::Duration;

pub use crate::access_log::{AccessLogSettings, BadFormat, Format, Remote, Target};
pub use crate::files::FilesSettings;
pub use crate::ws::origin::AllowedOrigins;

/// Everything the core needs to know, complete.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Gives back memory that the allocator keeps for the calling thread. Called now and then.
    pub tidy: fn(),
    /// Threads and queues between the sockets and the application.
    pub pool: Pool,
    /// How long the server waits for what.
    pub timeouts: Timeouts,
    /// How large the parts of a request may be.
    pub limits: Limits,
    /// Connections open at once; more of them wait in the kernel's accept queue.
    pub max_connections: usize,
    /// Requests served on one connection before it is closed; `None` = no limit.
    pub max_keep_alive: Option<u64>,
    /// `false` closes every connection after one request.
    pub enable_keep_alives: bool,
    /// A draining server takes what waits in the kernel's accept queue.
    pub drain_on_shutdown: bool,
    /// Methods that reach the application; `None` = every method. Others are answered with 501.
    pub supported_http_methods: Option<Vec<String>>,
    /// Other processes accept on the same sockets: this one leaves connections to them while all its threads are busy.
    pub cluster: bool,
    /// Connections may begin with the header of a proxy that tells where they come from.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// Where request bodies above `Limits::body_memory` are stored while they are in use.
    pub spool_dir: PathBuf,
    /// Bytes queued for one streaming response before its writer has to wait.
    pub stream_buffer_size: usize,
    /// Connections after their upgrade.
    pub realtime: RealtimeSettings,
    /// Files that are served without the application.
    pub files: FilesSettings,
    /// The application is asked what to answer to requests that are refused, and told of handshakes that fail.
    pub refusals_to_app: bool,
    /// A line for each request.
    pub access_log: Option<AccessLogSettings>,
}

/// Versions of the header in which a proxy tells where a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// One line of text.
    V1,
    /// Binary.
    V2,
}

/// Connections after their upgrade: WebSocket and server-sent events.
#[derive(Debug, Clone)]
pub struct RealtimeSettings {
    /// Bytes of one message from a client, all its fragments together.
    pub max_message_size: usize,
    /// Bytes that may wait for a client that does not read.
    pub max_outgoing: usize,
    /// Publications that may wait for the block that subscribed.
    pub max_publications: usize,
    /// Seconds without a byte from the client before it is asked for one; 0 = never.
    pub ping_interval: u32,
    /// How long a message may take from its first byte to its last one; longer where its bytes come at `min_rate`.
    pub message_timeout: Duration,
    /// Bytes per second that prolong `message_timeout`; 0 = any.
    pub min_rate: u64,
    /// How long a client may take to answer a Close frame.
    pub close_timeout: Duration,
    /// How long a draining server waits for upgraded connections to end.
    pub shutdown_timeout: Duration,
    /// Pages of which origins may open a WebSocket.
    pub allowed_origins: AllowedOrigins,
}

/// Threads and queues between the sockets and the application.
#[derive(Debug, Clone)]
pub struct Pool {
    /// Threads that are kept when there is nothing to do.
    pub min_threads: usize,
    /// Threads that may be inside `app.call` at once.
    pub max_threads: usize,
    /// How long a thread above `min_threads` stays without work.
    pub thread_idle_timeout: Duration,
    /// Threads that may run a streaming body at once, beyond `max_threads`.
    pub max_streams: usize,
    /// How long a streaming body waits for one of `max_streams` before its request is answered with 503.
    pub stream_wait_timeout: Duration,
    /// Complete requests that may wait for a thread.
    pub max_queue: usize,
    /// How long a request tries to get a place in a full queue before it is answered with 503.
    pub queue_timeout: Duration,
    /// How long a thread may compute while a request waits whose client has not made one compute for long lately; zero =
    /// as long as the interpreter lets it.
    pub time_slice: Duration,
    /// The lock that a thread holds while it computes.
    pub lock: Lock,
}

/// What the core may ask of the interpreter's lock.
#[derive(Debug, Clone, Copy)]
pub struct Lock {
    /// Asks whoever holds it to let the next one by that waits for it. Returns at once; any thread may call it.
    pub lend: fn(),
    /// Whether whoever has it now got it that way. Called with the lock.
    pub is_lent: fn() -> bool,
}

impl Default for Lock {
    /// A lock that is never lent.
    fn default() -> Lock {
        Lock { lend: || {}, is_lent: || false }
    }
}

/// How long the server waits for what.
#[derive(Debug, Clone)]
pub struct Timeouts {
    /// Between two received pieces of one request, and for the first byte of a new connection.
    pub first_data: Duration,
    /// For a TLS handshake, from the first byte that is waited for.
    pub tls_handshake: Duration,
    /// For a whole request head, however steadily it trickles.
    pub header: Duration,
    /// For the next request on an idle connection.
    pub persistent: Duration,
    /// For a client to accept the next byte of a response.
    pub write: Duration,
    /// For a request on an idle connection while the server drains.
    pub drain_idle: Duration,
    /// For a client to notice that its connection is being closed (lingering close).
    pub linger: Duration,
    /// For a streaming body to end while the server drains; then its connection is cut.
    pub stream_shutdown: Duration,
    /// For a client to send its request, and then to take the response, while the server drains; then its connection ends.
    pub transfer_shutdown: Duration,
}

/// How large the parts of a request may be. All in bytes except `header_count`.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Path of the target.
    pub path: usize,
    /// The whole target.
    pub uri: usize,
    /// Query of the target.
    pub query: usize,
    /// Fragment of the target (a client should never send one; some do).
    pub fragment: usize,
    /// One header name.
    pub header_name: usize,
    /// One header value.
    pub header_value: usize,
    /// Request line and headers together.
    pub head: usize,
    /// Number of header lines.
    pub header_count: usize,
    /// Method token.
    pub method: usize,
    /// One chunk-size line with its extensions.
    pub chunk_line: usize,
    /// All chunk extensions of one body together.
    pub chunk_extensions: usize,
    /// Body kept in memory; a larger one goes to a file.
    pub body_memory: usize,
    /// Largest accepted body; `None` = no limit.
    pub content_length: Option<u64>,
    /// Bytes per second a body has to average after `Timeouts::first_data`; 0 = off.
    pub min_body_rate: u64,
}
