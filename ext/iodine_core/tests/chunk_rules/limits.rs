//! What a chunked body may cost: rows 78, 79 and 193, and the edge of each limit.

use iodine_core::http::chunks::{Advance, Chunks};
use iodine_core::http::refusal::Refusal;
use iodine_core::settings::Limits;

use crate::{LIMITS, verdict};

/// A body of `count` chunks with an extension of `len` bytes each, `;` included.
fn extended(count: usize, len: usize) -> String {
    let chunk = format!("1;{}\r\nx\r\n", "e".repeat(len - 1));
    format!("{}0\r\n\r\n", chunk.repeat(count))
}

/// A last chunk with `count` trailers of `len` bytes each, CRLF included.
fn trailed(count: usize, len: usize) -> String {
    let trailer = format!("X-T: {}\r\n", "t".repeat(len - 7));
    format!("0\r\n{}\r\n", trailer.repeat(count))
}

accepted! {
    longest_size_line: extended(1, 4093);
    most_extensions: extended(16, 1023);
    most_trailers: trailed(100, 20);
    longest_trailers: trailed(1, 16 * 1024 - 3);
}

refused! {
    row_078_extension_of_20_kilobytes: extended(1, 20_000) => 400;
    row_079_24_kilobytes_in_120_extensions: extended(120, 200) => 400;
    size_line_above_its_limit: extended(1, 4094) => 400;
    extensions_above_their_limit: extended(16, 1025) => 400;
    spaces_count_as_extensions: format!("{}0\r\n\r\n", format!("1{}\r\nx\r\n", " ".repeat(2000)).repeat(9)) => 400;
    too_many_trailers: trailed(101, 20) => 431;
    trailers_too_long: trailed(1, 16 * 1024 - 2) => 431;
    trailer_of_a_megabyte: trailed(1, 1 << 20) => 431;
}

#[test]
fn row_193_a_body_may_be_as_long_as_its_limit_and_no_longer() {
    let limits = Limits { content_length: Some(10), ..LIMITS };
    let status = |body: &str| verdict(body.as_bytes(), &limits);
    assert_eq!(status("a\r\n0123456789\r\n0\r\n\r\n"), Ok(Some(20)));
    assert_eq!(status("5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n"), Ok(Some(25)));
    assert_eq!(status("b\r\n"), Err(413), "before the data come");
    assert_eq!(status("5\r\nhello\r\n6\r\n"), Err(413));
}

#[test]
fn trailers_are_held_to_a_smaller_limit_of_a_head() {
    let limits = Limits { head: 100, header_count: 3, ..LIMITS };
    let status = |body: String| verdict(body.as_bytes(), &limits).map(drop);
    assert_eq!(status(trailed(3, 20)), Ok(()));
    assert_eq!(status(trailed(4, 20)), Err(431));
    assert_eq!(status(trailed(1, 98)), Ok(()));
    assert_eq!(status(trailed(1, 99)), Err(431));
}

#[test]
fn nothing_is_used_behind_the_end() -> Result<(), Refusal> {
    let mut chunks = Chunks::new(&LIMITS);
    assert_eq!(chunks.advance(b"0\r\n\r\nGET")?, Advance { used: 5, done: true });
    assert_eq!(chunks.advance(b"GET")?, Advance { used: 0, done: true });
    assert_eq!(chunks.advance(b"")?, Advance { used: 0, done: true });
    Ok(())
}
