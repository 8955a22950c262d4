//! Method, target and version (RFC 9112 §3): rows 105–154.

use iodine_core::http::head::Framing::None;
use iodine_core::http::head::Rules;
use iodine_core::http::target::Target;

use crate::{LIMITS, get, line, verdict, verdict_by};

served! {
    row_119_utf_8_in_the_target: get("/é?ü=€#ß") => None;
    row_122_braces_bar_and_caret: get("/{a}|b^?{c}|d^") => None;
    row_123_backslash: get("/a\\b?c\\d") => None;
    row_125_fragment: get("/x#frag") => None;
    row_126_broken_percent_encoding: get("/a%zz/%") => None;
    row_127_encoded_slash_and_dots: get("/a%2Fb%2e%2e/x") => None;
    row_128_encoded_nul: get("/a%00b") => None;
    row_129_dot_segments: get("/a/../b/./c") => None;
    row_130_two_slashes: get("//evil.com/x") => None;
    row_131_semicolons: get("/a;b=c?d;e") => None;
    row_132_empty_query: get("/a?") => None;
    row_132_question_marks: get("/a?b?c=?") => None;
    row_133_absolute_form: get("http://b.example:81/x?y") => None;
    row_134_absolute_form_without_a_path: get("http://b.example") => None;
    row_134_absolute_form_with_a_query_only: get("http://b.example?x") => None;
    row_135_absolute_form_https: get("HTTPS://b.example/") => None;
    row_143_options_asterisk: line("OPTIONS * HTTP/1.1") => None;
    row_145_trace: line("TRACE / HTTP/1.1") => None;
    absolute_form_with_an_ipv6_address: get("http://[::1]:9292/") => None;
    absolute_form_with_a_fragment_only: get("http://b.example#x") => None;
    path_that_looks_like_a_uri: get("/http://b.example/x") => None;
    query_that_holds_a_uri: get("/?to=http://u:p@b/x") => None;
}

refused! {
    row_105_space_before_the_method: line(" GET /x HTTP/1.1") => 400;
    row_106_binary_garbage: b"\x00\x01\x02\x03\r\n\r\n" => 400;
    row_107_method_in_lower_case: line("get /x HTTP/1.1") => 501;
    row_108_unknown_method: line("FOO /x HTTP/1.1") => 501;
    row_109_propfind: line("PROPFIND /x HTTP/1.1") => 501;
    row_110_method_of_token_characters: line("M-SEARCH! /x HTTP/1.1") => 501;
    row_111_method_of_5000_bytes: line(format!("{} /x HTTP/1.1", "A".repeat(5000))) => 400;
    row_112_nul_in_the_method: line("GE\0T /x HTTP/1.1") => 400;
    row_112_colon_in_the_method: line("GET: /x HTTP/1.1") => 400;
    row_113_two_spaces_before_the_target: line("GET  /x HTTP/1.1") => 400;
    row_113_two_spaces_before_the_version: line("GET /x  HTTP/1.1") => 400;
    row_114_tabs: line("GET\t/x\tHTTP/1.1") => 400;
    row_114_tab_before_the_version: line("GET /x\tHTTP/1.1") => 400;
    row_115_space_behind_the_version: line("GET /x HTTP/1.1 ") => 400;
    row_116_space_in_the_target: get("/a b") => 400;
    row_117_nul_in_the_target: get("/a\0b") => 400;
    row_117_control_character_in_the_target: get("/a\x1fb") => 400;
    row_117_del_in_the_target: get("/a\x7fb") => 400;
    row_118_latin_1_in_the_target: get(b"/\xe9") => 400;
    row_119_broken_utf_8_in_the_target: get(b"/\xc3?\xa9") => 400;
    row_119_utf_8_in_the_authority: get("http://é.example/") => 400;
    row_120_quote_in_the_target: get("/a\"b") => 400;
    row_121_less_than_in_the_target: get("/a<b") => 400;
    row_121_greater_than_in_the_query: get("/a?b>c") => 400;
    row_124_backtick_in_the_target: get("/a`b") => 400;
    row_135_absolute_form_with_a_bad_port: get("http://b.example:99999/") => 400;
    row_136_user_information: get("http://u:p@b/x") => 400;
    row_136_empty_authority: get("http:///x") => 400;
    row_136_percent_in_the_authority: get("http://a%41/x") => 400;
    row_137_ftp: get("ftp://b/x") => 400;
    row_138_javascript: get("javascript:alert(1)") => 400;
    row_139_authority_form: get("b.example:80") => 400;
    row_140_path_without_a_slash: get("admin/x") => 400;
    row_141_connect: line("CONNECT b:80 HTTP/1.1") => 501;
    row_142_connect_with_a_path: line("CONNECT /x HTTP/1.1") => 501;
    row_144_asterisk_without_options: get("*") => 400;
    row_144_more_than_an_asterisk: line("OPTIONS *?x HTTP/1.1") => 400;
    row_146_http_09: "GET /x\r\n\r\n" => 400;
    row_147_version_in_lower_case: line("GET /x http/1.1") => 400;
    row_148_http_12: line("GET /x HTTP/1.2") => 505;
    row_148_http_19: line("GET /x HTTP/1.9") => 505;
    row_149_http_20: line("GET /x HTTP/2.0") => 505;
    row_149_http_30: line("GET /x HTTP/3.0") => 505;
    row_150_byte_behind_the_version: line("GET /x HTTP/1.1x") => 400;
    row_151_http_1_10: line("GET /x HTTP/1.10") => 400;
    row_152_http_01_1: line("GET /x HTTP/01.1") => 400;
    row_153_http_09_spelled_out: line("GET /x HTTP/0.9") => 400;
    row_154_http_2_preface: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" => 505;
    version_without_a_name: line("GET /x 1.1") => 400;
    version_with_a_comma: line("GET /x HTTP/1,1") => 400;
    nothing_but_a_method: "GET\r\n\r\n" => 400;
    method_and_version: line("GET HTTP/1.1") => 400;
}

#[test]
fn row_109_serves_every_token_when_all_methods_are_allowed() {
    let rules = Rules { limits: &LIMITS, methods: Option::None };
    let status = |bytes: &str| verdict_by(&line(bytes), &rules).map(drop).map_err(|refusal| refusal.status.as_u16());
    assert_eq!(status("PROPFIND / HTTP/1.1"), Ok(()));
    assert_eq!(status("get / HTTP/1.1"), Ok(()));
    assert_eq!(status("M-SEARCH! / HTTP/1.1"), Ok(()));
    assert_eq!(status("CONNECT / HTTP/1.1"), Err(501));
}

#[test]
fn gives_the_raw_target_when_http_uri_would_lose_a_part_of_it() {
    let raw = |bytes: Vec<u8>| {
        let head = verdict(&bytes).expect("accepted");
        head.raw_target.map(|range| String::from_utf8_lossy(&bytes[range]).into_owned())
    };
    assert_eq!(raw(get("/a?b")), Option::None);
    assert_eq!(raw(line("OPTIONS * HTTP/1.1")), Option::None);
    assert_eq!(raw(get("/a?b#c")).as_deref(), Some("/a?b#c"));
    assert_eq!(raw(get("http://b")).as_deref(), Some("http://b"));
    assert_eq!(raw([b"\r\n\r\n".to_vec(), get("/#")].concat()).as_deref(), Some("/#"), "empty lines before");
}

#[test]
fn splits_a_target_into_its_parts() {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let split = |raw: &str| {
        let target = Target::split(raw.as_bytes());
        let parts = [target.authority, Some(target.path), target.query, target.fragment];
        parts.map(|part| part.map_or("-".into(), text)).join(" ")
    };
    assert_eq!(split("/a/b"), "- /a/b - -");
    assert_eq!(split("/a?b?c"), "- /a b?c -");
    assert_eq!(split("/a?b#c?d#e"), "- /a b c?d#e");
    assert_eq!(split("/a#c?d"), "- /a - c?d");
    assert_eq!(split("//evil.com/x"), "- //evil.com/x - -");
    assert_eq!(split("http://b:81/x?y#z"), "b:81 /x y z");
    assert_eq!(split("HTTPS://b?y"), "b / y -");
    assert_eq!(split("http://b"), "b / - -");
    assert_eq!(split("*"), "- * - -");
}
