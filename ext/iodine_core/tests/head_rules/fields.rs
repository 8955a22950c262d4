//! Field lines (RFC 9112 §5) and the fields a server understands itself: rows 81–101, 176–177, 204–209.

use iodine_core::http::head::Framing::{Length, None};

use crate::{get, post, post10, verdict};

served! {
    row_090_obs_text_in_a_value: post(b"X-A: \xe9\xff") => None;
    row_100_empty_value: post("X-A:") => None;
    row_101_white_space_around_a_value: post("X-A: \t a b \t ") => None;
    row_168_dashed_and_underscored_name: post("X-Forwarded-For: 1.1.1.1\r\nX_Forwarded_For: 2.2.2.2") => None;
    row_172_name_with_a_dot: post("rack.input: x") => None;
    row_174_repeated_field: post("X-A: 1\r\nX-A: 2") => None;
    row_175_repeated_cookie: post("Cookie: a=1\r\nCookie: b=2") => None;
    row_206_expectation_in_http_10: post10("Expect: 100-continue\r\nContent-Length: 5") => Length(5);
    row_207_other_expectation_in_http_10: post10("Expect: foo") => None;
    every_token_character_in_a_name: post("!#$%&'*+-.^_`|~09azAZ: 1") => None;
    tab_inside_a_value: post("X-A: a\tb") => None;
}

refused! {
    row_081_bare_lf_everywhere: "GET /x HTTP/1.1\nHost: a\n\n" => 400;
    row_082_one_field_ended_by_lf: "GET /x HTTP/1.1\r\nHost: a\r\nX-A: 1\nX-B: 2\r\n\r\n" => 400;
    row_082_request_line_ended_by_lf: "GET /x HTTP/1.1\nHost: a\r\n\r\n" => 400;
    row_083_head_ended_by_lf: "GET /x HTTP/1.1\r\nHost: a\r\n\n" => 400;
    row_084_bare_cr_in_a_value: post("X-A: a\rb") => 400;
    row_084_bare_cr_at_the_end_of_a_value: post("X-A: a\r") => 400;
    row_085_bare_cr_before_another_field: post("X-A: a\rX-B: b") => 400;
    row_086_nul_in_a_value: post("X-A: a\0b") => 400;
    row_087_nul_in_a_name: post("X\0A: 1") => 400;
    row_088_control_character_in_a_value: post("X-A: a\x01b") => 400;
    row_089_del_in_a_value: post("X-A: a\x7fb") => 400;
    row_091_folded_with_a_space: post("X-A: a\r\n b") => 400;
    row_091_folded_with_a_tab: post("X-A: a\r\n\tb") => 400;
    row_092_white_space_before_the_first_field: "GET /x HTTP/1.1\r\n Host: a\r\n\r\n" => 400;
    row_093_space_before_the_colon: post("X-A : 1") => 400;
    row_094_tab_before_the_colon: post("X-A\t: 1") => 400;
    row_095_space_inside_a_name: post("X A: 1") => 400;
    row_096_empty_name: post(": 1") => 400;
    row_097_line_without_a_colon: post("X-A") => 400;
    row_098_parentheses_in_a_name: post("X(A): 1") => 400;
    row_099_latin_1_in_a_name: post(b"X-\xe9: 1") => 400;
    row_176_two_content_types: post("Content-Type: text/plain\r\nContent-Type: text/plain") => 400;
    row_177_two_authorizations: post("Authorization: Basic YQ==\r\nAUTHORIZATION: Basic Yg==") => 400;
    row_207_other_expectation: post("Expect: foo") => 417;
    row_207_known_and_other_expectation: post("Expect: 100-continue\r\nExpect: foo") => 417;
    row_207_list_of_expectations: post("Expect: 100-continue, foo") => 417;
}

#[test]
fn row_204_tells_whether_the_client_waits_for_an_interim_response() {
    let expects = |head: &[u8]| verdict(head).map(|head| head.expect_continue);
    assert_eq!(expects(&post("Expect: 100-continue\r\nContent-Length: 5")), Ok(true));
    assert_eq!(expects(&post("Expect: 100-Continue\r\nContent-Length: 5")), Ok(true), "row 205");
    assert_eq!(expects(&post10("Expect: 100-continue\r\nContent-Length: 5")), Ok(false), "row 206");
    assert_eq!(expects(&post("Content-Length: 5")), Ok(false));
}

#[test]
fn counts_field_lines() {
    let fields = |head: &[u8]| verdict(head).map(|head| head.fields);
    assert_eq!(fields(&get("/")), Ok(1));
    assert_eq!(fields(&post("X-A: 1\r\nX-A: 2")), Ok(3));
    assert_eq!(fields(b"GET / HTTP/1.0\r\n\r\n"), Ok(0));
}

#[test]
fn tells_the_version() {
    assert_eq!(verdict(&get("/")).map(|head| head.http10), Ok(false));
    assert_eq!(verdict(&post10("X-A: 1")).map(|head| head.http10), Ok(true));
}
