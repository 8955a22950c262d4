//! Exactly one valid Host (RFC 9112 §3.2): rows 155–167.

use iodine_core::http::head::Framing::None;

fn hosts(fields: &str) -> Vec<u8> {
    ["GET /x HTTP/1.1\r\n", fields, "\r\n"].concat().into_bytes()
}

fn host(value: &str) -> Vec<u8> {
    hosts(&format!("Host: {value}\r\n"))
}

served! {
    row_166_ipv6_address_with_a_port: host("[::1]:8080") => None;
    row_167_http_10_without_host: "GET /x HTTP/1.0\r\n\r\n" => None;
    http_10_with_host: "GET /x HTTP/1.0\r\nHost: a.example\r\n\r\n" => None;
    name_with_a_port: host("a.example:8080") => None;
    largest_port: host("a.example:65535") => None;
    empty_port: host("a.example:") => None;
    ipv4_address: host("127.0.0.1:9292") => None;
    ipv6_address: host("[2001:DB8::7]") => None;
    ipv4_in_ipv6_address: host("[::ffff:192.0.2.1]") => None;
    name_with_an_underscore: host("my_service.internal") => None;
    name_with_a_final_dot: host("a.example.") => None;
    punycode: host("xn--bcher-kva.example") => None;
    white_space_around_a_host: host("\t a.example \t") => None;
}

refused! {
    row_155_missing: hosts("") => 400;
    row_155_missing_with_other_fields: hosts("X-A: 1\r\n") => 400;
    row_155_missing_in_absolute_form: "GET http://a.example/ HTTP/1.1\r\n\r\n" => 400;
    row_156_empty: host("") => 400;
    row_157_two_different: hosts("Host: a\r\nHost: b\r\n") => 400;
    row_158_two_equal: hosts("Host: a\r\nhost: a\r\n") => 400;
    row_158_two_in_http_10: "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n" => 400;
    row_159_space: host("a b") => 400;
    row_160_path: host("a.example/x") => 400;
    row_161_user_information: host("u@a.example") => 400;
    row_162_port_by_name: host("a.example:http") => 400;
    row_163_port_too_large: host("a.example:99999") => 400;
    row_163_port_just_too_large: host("a.example:65536") => 400;
    row_163_port_of_many_digits: host("a.example:18446744073709551696") => 400;
    row_163_negative_port: host("a.example:-1") => 400;
    row_164_comma: host("a,b") => 400;
    row_165_nul: host("a\0b") => 400;
    row_166_ipv6_address_without_brackets: host("::1") => 400;
    row_166_no_address_in_brackets: host("[a.example]") => 400;
    row_166_empty_brackets: host("[]") => 400;
    row_166_bracket_never_closed: host("[::1") => 400;
    row_166_name_behind_brackets: host("[::1]a") => 400;
    row_167_http_10_with_a_bad_host: "GET /x HTTP/1.0\r\nHost: a b\r\n\r\n" => 400;
    two_ports: host("a:1:2") => 400;
    port_alone: host(":80") => 400;
    query: host("a?b") => 400;
    percent: host("a%00b") => 400;
    latin_1: b"GET /x HTTP/1.1\r\nHost: b\xfccher\r\n\r\n" => 400;
    bad_host_in_absolute_form: "GET http://a.example/ HTTP/1.1\r\nHost: a b\r\n\r\n" => 400;
}
