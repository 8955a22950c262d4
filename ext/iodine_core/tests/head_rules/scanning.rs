//! What is known before a head is complete: rows 102–106, 146, and refusals that do not wait.

use iodine_core::http::head::Framing::None;
use iodine_core::http::head::{Scan, scan};
use iodine_core::http::refusal::{Kind, Refusal};

use crate::{LIMITS, get};

/// The verdict on the beginning of a head.
fn begin(bytes: impl AsRef<[u8]>) -> Result<Scan, u16> {
    scan(bytes.as_ref(), 0, &LIMITS).map_err(|refusal| refusal.status.as_u16())
}

served! {
    row_102_one_empty_line_before: [b"\r\n".to_vec(), get("/")].concat() => None;
    row_103_three_empty_lines_before: [b"\r\n\r\n\r\n".to_vec(), get("/")].concat() => None;
}

refused! {
    row_103_four_empty_lines_before: [b"\r\n\r\n\r\n\r\n".to_vec(), get("/")].concat() => 400;
    row_104_lf_before: [b"\n".to_vec(), get("/")].concat() => 400;
    row_104_cr_before: [b"\r".to_vec(), get("/")].concat() => 400;
    proxy_header_of_version_2: b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" => 400;
    row_106_tls_hello: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" => 400;
}

#[test]
fn nothing_is_no_head_yet() {
    assert_eq!(begin(""), Ok(Scan::Partial));
    assert_eq!(begin("\r"), Ok(Scan::Partial));
    assert_eq!(begin("\r\n\r\n\r\n"), Ok(Scan::Partial));
}

#[test]
fn row_106_names_tls() {
    let kind = |bytes: &[u8]| scan(bytes, 0, &LIMITS).map_err(|refusal| refusal.kind);
    assert_eq!(kind(b"\x16\x03\x01\x02\x00"), Err(Kind::TlsOnPlainPort));
    assert_eq!(kind(b"\x16"), Err(Kind::TlsOnPlainPort));
    assert_eq!(kind(b"\x16\x04"), Err(Kind::Syntax));
}

#[test]
fn row_106_refuses_garbage_at_its_first_byte() {
    for byte in [0, 1, b'\n', b' ', b'(', b':', 0x7f, 0x80, 0xff] {
        assert_eq!(begin([byte]), Err(400), "{byte:#x}");
    }
}

#[test]
fn row_146_answers_an_http_09_client_at_the_end_of_its_line() {
    assert_eq!(begin("GET /x"), Ok(Scan::Partial));
    assert_eq!(begin("GET /x\r"), Ok(Scan::Partial));
    assert_eq!(begin("GET /x\r\n"), Err(400));
}

#[test]
fn a_wrong_version_does_not_wait_for_the_end_of_the_head() {
    assert_eq!(begin("GET /x HTTP/3.0\r\nHo"), Err(505));
    assert_eq!(begin("GET /x HTTP/1.1\r\nHo"), Ok(Scan::Partial));
}

#[test]
fn a_bare_lf_does_not_wait_for_the_end_of_the_head() {
    assert_eq!(begin("GET /x HTTP/1.1\n"), Err(400));
    assert_eq!(begin("GET /x HTTP/1.1\r\nHost: a\n"), Err(400));
}

#[test]
fn a_long_request_line_does_not_wait_for_its_end() {
    assert_eq!(begin(format!("GET /{}", "a".repeat(12_000))), Ok(Scan::Partial));
    assert_eq!(begin(format!("GET /{}", "a".repeat(12_400))), Err(414));
    assert_eq!(begin("A".repeat(12_400)), Err(400));
}

#[test]
fn a_long_head_does_not_wait_for_its_end() {
    let head = |len: usize| {
        let mut head = b"GET /x HTTP/1.1\r\nX-A: ".to_vec();
        head.resize(len, b'v');
        head
    };
    assert_eq!(begin(head(114_687)), Ok(Scan::Partial));
    assert_eq!(begin(head(114_688)), Err(431));
}

#[test]
fn the_length_includes_empty_lines_and_excludes_what_follows() {
    let head = b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let with_more = [head.as_slice(), b"body GET / HTTP/1.1\r\n\r\n"].concat();
    assert_eq!(begin(head), Ok(Scan::Complete(head.len())));
    assert_eq!(begin(with_more), Ok(Scan::Complete(head.len())));
}

#[test]
fn any_two_packets_give_the_same_end() -> Result<(), Refusal> {
    let head = b"\r\n\r\nGET /a?b HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n\r\nGET ";
    let whole = Scan::Complete(head.len() - "GET ".len());
    for split in 0..=head.len() {
        let found = match scan(&head[..split], 0, &LIMITS)? {
            Scan::Partial => scan(head, split, &LIMITS)?,
            complete => complete,
        };
        assert_eq!(found, whole, "split at {split}");
    }
    Ok(())
}
