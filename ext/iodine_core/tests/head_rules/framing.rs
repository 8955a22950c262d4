//! Content-Length and Transfer-Encoding (RFC 9112 §6): rows 1–48.

use iodine_core::http::head::Framing::{Chunked, Length};
use iodine_core::http::head::{Framing, Rules};
use iodine_core::settings::Limits;

use crate::{LIMITS, get, post, post10, verdict, verdict_by};

served! {
    row_001_length_then_chunked: post("Content-Length: 4\r\nTransfer-Encoding: chunked") => Chunked;
    row_002_chunked_then_length: post("Transfer-Encoding: chunked\r\nContent-Length: 4") => Chunked;
    row_015_coding_in_upper_case: post("Transfer-Encoding: CHUNKED") => Chunked;
    row_016_tab_before_the_coding: post("Transfer-Encoding:\tchunked") => Chunked;
    row_016_white_space_behind_the_coding: post("Transfer-Encoding: chunked \t ") => Chunked;
    row_038_leading_zeros_are_decimal: post("Content-Length: 0010") => Length(10);
    row_038_many_leading_zeros: post(format!("Content-Length: {}7", "0".repeat(60))) => Length(7);
    row_039_white_space_around_a_length: post("Content-Length: \t5 \t") => Length(5);
    row_046_get_with_a_length: "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n" => Length(5);
    row_047_post_without_framing: post("X-A: 1") => Framing::None;
    length_zero: post("Content-Length: 0") => Length(0);
    length_in_http_10: post10("Content-Length: 5") => Length(5);
    field_names_in_any_case: post("tRANSFER-eNCODING: chunked") => Chunked;
    largest_length_that_makes_sense: post("Content-Length: 9223372036854775806") => Length(i64::MAX as u64 - 1);
}

refused! {
    row_003_chunked_and_an_invalid_length: post("Transfer-Encoding: chunked\r\nContent-Length: abc") => 400;
    row_004_two_transfer_encodings: post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked") => 400;
    row_004_gzip_and_chunked_in_two_fields: post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked") => 400;
    row_005_chunked_twice: post("Transfer-Encoding: chunked, chunked") => 400;
    row_006_identity: post("Transfer-Encoding: identity\r\nContent-Length: 5") => 501;
    row_007_chunked_not_last: post("Transfer-Encoding: chunked, identity") => 400;
    row_007_chunked_before_gzip: post("Transfer-Encoding: chunked, gzip") => 400;
    row_008_identity_before_chunked: post("Transfer-Encoding: identity, chunked") => 501;
    row_009_unknown_before_chunked: post("Transfer-Encoding: x-foo, chunked") => 501;
    row_010_gzip_before_chunked: post("Transfer-Encoding: gzip, chunked") => 501;
    row_011_gzip_alone: post("Transfer-Encoding: gzip") => 400;
    row_011_two_compressions: post("Transfer-Encoding: deflate, X-Gzip") => 400;
    row_012_xchunked: post("Transfer-Encoding: xchunked\r\nContent-Length: 5") => 501;
    row_012_chunkedx: post("Transfer-Encoding: chunkedx") => 501;
    row_013_empty_element_before: post("Transfer-Encoding: ,chunked\r\nContent-Length: 5") => 501;
    row_014_empty_element_behind: post("Transfer-Encoding: chunked,") => 400;
    row_017_vertical_tab: post("Transfer-Encoding: \x0bchunked") => 400;
    row_018_no_break_space: post(b"Transfer-Encoding: \xa0chunked") => 501;
    row_019_quoted: post("Transfer-Encoding: \"chunked\"") => 501;
    row_020_parameter: post("Transfer-Encoding: chunked;foo=bar") => 501;
    row_021_empty: post("Transfer-Encoding:\r\nContent-Length: 5") => 501;
    row_022_space_before_the_colon: post("Transfer-Encoding : chunked") => 400;
    row_023_folded: post("Transfer-Encoding:\r\n chunked") => 400;
    row_024_chunked_in_http_10: post10("Transfer-Encoding: chunked") => 400;
    row_025_chunked_in_kept_alive_http_10: post10("Connection: keep-alive\r\nTransfer-Encoding: chunked") => 400;
    row_026_transfer_encoding_with_underscore: post("Transfer_Encoding: chunked\r\nContent-Length: 5") => 400;
    row_027_two_equal_lengths: post("Content-Length: 5\r\nContent-Length: 5") => 400;
    row_028_two_lengths: post("Content-Length: 5\r\nContent-Length: 6") => 400;
    row_028_two_lengths_and_chunked: post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\ncontent-length: 5") => 400;
    row_029_list_of_equal_lengths: post("Content-Length: 5, 5") => 400;
    row_030_list_of_lengths: post("Content-Length: 5, 6") => 400;
    row_031_plus: post("Content-Length: +5") => 400;
    row_032_minus: post("Content-Length: -5") => 400;
    row_033_hexadecimal: post("Content-Length: 0x5") => 400;
    row_034_underscore: post("Content-Length: 1_0") => 400;
    row_035_fraction: post("Content-Length: 5.0") => 400;
    row_036_empty_length: post("Content-Length:") => 400;
    row_037_two_numbers: post("Content-Length: 5 5") => 400;
    row_040_arabic_digit: post("Content-Length: ٥") => 400;
    row_041_two_to_the_64: post("Content-Length: 18446744073709551616") => 400;
    row_042_largest_u64: post("Content-Length: 18446744073709551615") => 413;
    row_043_largest_i64: post("Content-Length: 9223372036854775807") => 413;
    row_044_space_before_the_colon_of_a_length: post("Content-Length : 5") => 400;
    row_045_content_length_with_underscore: post("Content_Length: 5") => 400;
}

#[test]
fn row_001_closes_behind_the_response() {
    let closes = |fields: &str| verdict(&post(fields)).map(|head| head.close_after);
    assert_eq!(closes("Content-Length: 4\r\nTransfer-Encoding: chunked"), Ok(true));
    assert_eq!(closes("Transfer-Encoding: chunked\r\nContent-Length: 4"), Ok(true));
    assert_eq!(closes("Transfer-Encoding: chunked"), Ok(false));
    assert_eq!(closes("Content-Length: 4"), Ok(false));
    assert_eq!(verdict(&get("/")).map(|head| head.close_after), Ok(false));
}

#[test]
fn row_192_refuses_a_length_above_the_limit_before_reading() {
    let limits = Limits { content_length: Some(1000), ..LIMITS };
    let rules = Rules { limits: &limits, methods: None };
    let status = |fields: &str| verdict_by(&post(fields), &rules).map(drop).map_err(|refusal| refusal.status.as_u16());
    assert_eq!(status("Content-Length: 1000"), Ok(()));
    assert_eq!(status("Content-Length: 1001"), Err(413));
    assert_eq!(status("Content-Length: 1001\r\nExpect: 100-continue"), Err(413));
    assert_eq!(status("Content-Length: 1001\r\nTransfer-Encoding: chunked"), Ok(()), "the chunks are counted instead");
}
