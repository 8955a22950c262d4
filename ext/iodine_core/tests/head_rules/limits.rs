//! How large the parts of a head may be: rows 180–191, and the edge of each limit.

use iodine_core::http::head::Framing::None;
use iodine_core::http::head::Rules;
use iodine_core::http::refusal::Kind;
use iodine_core::settings::Limits;

use crate::{LIMITS, get, line, post, verdict, verdict_by};

fn path(len: usize) -> String {
    format!("/{}", "a".repeat(len - 1))
}

fn fields(count: usize) -> Vec<u8> {
    post(vec!["X-A: 1"; count].join("\r\n"))
}

fn value(len: usize) -> Vec<u8> {
    post(format!("X-A: {}", "v".repeat(len)))
}

fn name(len: usize) -> Vec<u8> {
    post(format!("{}: 1", "n".repeat(len)))
}

served! {
    row_180_uri_of_8000_bytes: get(path(8000)) => None;
    row_184_value_of_70_kilobytes: value(70_000) => None;
    row_188_99_fields: fields(98) => None;
    row_189_150_fields: fields(149) => None;
    longest_path: get(path(8192)) => None;
    longest_query: get(format!("/?{}", "q".repeat(10_240))) => None;
    longest_fragment: get(format!("/#{}", "f".repeat(1024))) => None;
    longest_uri: get(format!("{}?{}", path(2047), "q".repeat(10_240))) => None;
    longest_path_of_an_absolute_form: get(format!("http://b.example{}", path(8192))) => None;
    longest_name: name(256) => None;
    longest_value: value(81_920) => None;
    most_fields: fields(999) => None;
    white_space_does_not_count_for_a_value: post(format!("X-A: {}{}", " ".repeat(10), "v".repeat(81_920))) => None;
}

refused! {
    row_181_uri_of_20000_bytes: get(path(20_000)) => 414;
    row_182_uri_of_100000_bytes: get(path(100_000)) => 414;
    row_182_uri_above_the_limit_of_a_head: get(path(200_000)) => 414;
    row_183_query_of_20000_bytes: get(format!("/?{}", "q".repeat(20_000))) => 414;
    row_185_value_of_200_kilobytes: value(200_000) => 431;
    row_186_name_of_300_bytes: name(300) => 431;
    row_187_name_of_70_kilobytes: name(70_000) => 431;
    row_190_5000_fields: fields(5000) => 431;
    row_191_50000_fields: fields(50_000) => 431;
    path_above_its_limit: get(path(8193)) => 414;
    query_above_its_limit: get(format!("/?{}", "q".repeat(10_241))) => 414;
    fragment_above_its_limit: get(format!("/#{}", "f".repeat(1025))) => 414;
    uri_above_its_limit: get(format!("{}?{}", path(2048), "q".repeat(10_240))) => 414;
    name_above_its_limit: name(257) => 431;
    value_above_its_limit: value(81_921) => 431;
    one_field_too_many: fields(1000) => 431;
    method_above_its_limit: line(format!("{} / HTTP/1.1", "A".repeat(21))) => 400;
    method_at_its_limit_but_unknown: line(format!("{} / HTTP/1.1", "A".repeat(20))) => 501;
}

#[test]
fn a_head_may_be_as_long_as_its_limit_and_no_longer() {
    let head = value(1000);
    let status = |limit: usize| {
        let limits = Limits { head: limit, ..LIMITS };
        verdict_by(&head, &Rules { limits: &limits, methods: Option::None }).map_err(|refusal| refusal.status.as_u16())
    };
    assert!(status(head.len()).is_ok());
    assert_eq!(status(head.len() - 1), Err(431));
}

#[test]
fn limits_above_what_hyper_can_hold_do_not_let_more_through() {
    let huge = usize::MAX;
    let limits = Limits {
        path: huge,
        uri: huge,
        query: huge,
        header_name: huge,
        header_count: huge,
        method: huge,
        head: huge,
        ..LIMITS
    };
    let rules = Rules { limits: &limits, methods: Option::None };
    let status = |bytes: &[u8]| crate::judge(bytes, &rules).map(drop).map_err(|refusal| refusal.status.as_u16());
    assert_eq!(status(&get(path(65_534))), Ok(()));
    assert_eq!(status(&get(path(65_535))), Err(414));
    assert_eq!(status(&name(65_534)), Ok(()));
    assert_eq!(status(&name(65_535)), Err(431));
    assert_eq!(status(&fields(23_999)), Ok(()));
    assert_eq!(status(&fields(24_000)), Err(431));
}

#[test]
fn a_limit_is_told_from_a_broken_message() {
    let kind = |bytes: &[u8]| verdict(bytes).map_err(|refusal| refusal.kind).err();
    assert_eq!(kind(&get(path(8193))), Some(Kind::Limit));
    assert_eq!(kind(&name(257)), Some(Kind::Limit));
    assert_eq!(kind(&line(format!("{} / HTTP/1.1", "A".repeat(21)))), Some(Kind::Limit));
    assert_eq!(kind(&get("/a b")), Some(Kind::Syntax));
    assert_eq!(kind(&line("FOO / HTTP/1.1")), Some(Kind::Unsupported));
}
