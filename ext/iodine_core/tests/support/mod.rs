//! A server with an application written in Rust: the real core, and threads that come for work as the bridge's do. A
//! lock stands in for the interpreter's; whoever runs the application holds it.

mod app;
mod client;
mod lock;
mod response;
mod wait;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::Receiver;
use iodine_core::handoff::{Crew, Stats};
use iodine_core::log::Log;
use iodine_core::net::Binding;
use iodine_core::net::tls::Acceptor;
use iodine_core::pubsub::hub::Hub;
use iodine_core::server::Server;
use iodine_core::settings::{AllowedOrigins, FilesSettings, Limits, Pool, RealtimeSettings, Settings, Timeouts};

pub use self::app::{Body, Call, head, payload, status};
pub use self::client::Client;
pub use self::lock::Lock;
pub use self::response::Response;
pub use self::wait::{Gate, LIMIT, eventually, timed};

/// The settings of a server without options.
pub fn settings() -> Settings {
    Settings {
        tidy: || {},
        pool: Pool {
            min_threads: 0,
            max_threads: 5,
            thread_idle_timeout: Duration::from_secs(30),
            max_streams: 1024,
            stream_wait_timeout: Duration::from_secs(5),
            max_queue: 128,
            queue_timeout: Duration::from_secs(1),
        },
        timeouts: Timeouts {
            first_data: Duration::from_secs(30),
            tls_handshake: Duration::from_secs(10),
            header: Duration::from_secs(60),
            persistent: Duration::from_secs(65),
            write: Duration::from_secs(10),
            drain_idle: Duration::from_millis(300),
            linger: Duration::from_secs(2),
            stream_shutdown: Duration::from_secs(8),
        },
        limits: Limits {
            path: 8192,
            uri: 12_288,
            query: 10_240,
            fragment: 1024,
            header_name: 256,
            header_value: 81_920,
            head: 114_688,
            header_count: 1000,
            method: 20,
            chunk_line: 4096,
            chunk_extensions: 16_384,
            body_memory: 114_688,
            content_length: None,
            min_body_rate: 500,
        },
        max_connections: 1024,
        max_keep_alive: Some(999),
        enable_keep_alives: true,
        cluster: false,
        drain_on_shutdown: false,
        files: FilesSettings::default(),
        proxy_protocol: None,
        access_log: None,
        supported_http_methods: None,
        spool_dir: std::env::temp_dir(),
        stream_buffer_size: 262_144,
        realtime: RealtimeSettings {
            max_message_size: 1_048_576,
            max_outgoing: 8_388_608,
            max_publications: 16_384,
            ping_interval: 40,
            message_timeout: Duration::from_secs(60),
            min_rate: 500,
            close_timeout: Duration::from_secs(5),
            shutdown_timeout: Duration::from_secs(8),
            allowed_origins: AllowedOrigins::Same,
        },
    }
}

/// What the threads of one site share.
pub struct Team {
    crew: Arc<Crew>,
    app: Box<dyn Fn(&mut Call<'_>) + Send + Sync>,
    lock: Lock,
    /// Threads inside the application, streaming bodies not counted.
    inside: AtomicUsize,
    most_inside: AtomicUsize,
}

impl Team {
    fn enter(&self) {
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_inside.fetch_max(inside, Ordering::SeqCst);
    }

    fn leave(&self) {
        self.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A running server.
pub struct Site {
    pub server: Arc<Server>,
    pub address: SocketAddr,
    log: Receiver<String>,
    /// `None` for a site whose threads the test provides.
    staff: Option<(Arc<Team>, JoinHandle<()>)>,
}

impl Site {
    /// A server with default settings.
    pub fn serve(app: impl Fn(&mut Call<'_>) + Send + Sync + 'static) -> Site {
        Site::with(|_| {}, app)
    }

    /// A server with other settings.
    pub fn with(change: impl FnOnce(&mut Settings), app: impl Fn(&mut Call<'_>) + Send + Sync + 'static) -> Site {
        Site::open(None, change, app)
    }

    /// A server whose connections are encrypted.
    pub fn encrypted(
        tls: Arc<Acceptor>,
        change: impl FnOnce(&mut Settings),
        app: impl Fn(&mut Call<'_>) + Send + Sync + 'static,
    ) -> Site {
        Site::open(Some(tls), change, app)
    }

    fn open(
        tls: Option<Arc<Acceptor>>,
        change: impl FnOnce(&mut Settings),
        app: impl Fn(&mut Call<'_>) + Send + Sync + 'static,
    ) -> Site {
        let mut min = 0;
        let change = |settings: &mut Settings| {
            change(settings);
            min = settings.pool.min_threads;
        };
        let mut site = Site::start(tls, change);
        let team = Arc::new(Team {
            crew: site.server.crew().clone(),
            app: Box::new(app),
            lock: Lock::default(),
            inside: AtomicUsize::new(0),
            most_inside: AtomicUsize::new(0),
        });
        let supervisor = {
            let team = team.clone();
            thread::spawn(move || app::supervise(&team, min))
        };
        site.staff = Some((team, supervisor));
        site
    }

    /// A server without threads: the test brings its own.
    pub fn unmanned(change: impl FnOnce(&mut Settings)) -> Site {
        Site::start(None, change)
    }

    fn start(tls: Option<Arc<Acceptor>>, change: impl FnOnce(&mut Settings)) -> Site {
        let mut settings = settings();
        change(&mut settings);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (log, lines) = Log::channel();
        let binding = Binding { socket: listener.into(), url: format!("tcp://{address}"), tls };
        let server = Server::start(settings, vec![binding], Hub::new(), log).expect("a server");
        Site { server: Arc::new(server), address, log: lines, staff: None }
    }

    /// A new connection.
    pub fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// One request on a connection of its own.
    pub fn get(&self, path: &str) -> Response {
        self.connect().get(path)
    }

    pub fn crew(&self) -> &Arc<Crew> {
        self.server.crew()
    }

    pub fn stats(&self) -> Stats {
        self.server.stats().0
    }

    /// Waits for a log line with these words.
    pub fn log_line(&self, words: &str) -> String {
        loop {
            let line = self.log.recv_timeout(LIMIT).unwrap_or_else(|_| panic!("no log line with {words:?}"));
            if line.contains(words) {
                return line;
            }
        }
    }

    /// The log lines so far that were not asked for.
    pub fn log_lines(&self) -> Vec<String> {
        self.log.try_iter().collect()
    }

    /// The most threads that were inside the application at once.
    pub fn most_inside(&self) -> usize {
        self.staff.as_ref().map_or(0, |(team, _)| team.most_inside.load(Ordering::SeqCst))
    }

    /// Threads inside the application.
    pub fn inside(&self) -> usize {
        self.staff.as_ref().map_or(0, |(team, _)| team.inside.load(Ordering::SeqCst))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.halt();
        if let Some((_, supervisor)) = self.staff.take() {
            let ended = supervisor.join();
            assert!(thread::panicking() || ended.is_ok(), "a thread of the site panicked");
        }
    }
}
