//! The limits of a server without options, for every test that judges bytes.

use iodine_core::settings::Limits;

/// See the module.
pub const LIMITS: Limits = Limits {
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
};
