//! The settings of a server, as they are when no option is given.

use std::time::Duration;

use iodine_core::settings::{AllowedOrigins, FilesSettings, Lock, Pool, RealtimeSettings, Settings, Timeouts};

use super::limits::LIMITS;

/// The settings of a server without options.
pub fn settings() -> Settings {
    Settings {
        tidy: || {},
        refusals_to_app: false,
        pool: Pool {
            min_threads: 0,
            max_threads: 5,
            thread_idle_timeout: Duration::from_secs(30),
            max_streams: 1024,
            stream_wait_timeout: Duration::from_secs(5),
            max_queue: 128,
            queue_timeout: Duration::from_secs(1),
            time_slice: Duration::from_millis(5),
            lock: Lock::default(),
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
            transfer_shutdown: Duration::from_secs(20),
        },
        limits: LIMITS,
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
