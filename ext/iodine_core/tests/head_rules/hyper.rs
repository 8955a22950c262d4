//! What hyper makes of a head. hyper 1 reads it with httparse and `http`, and adds its own rules for framing; all three
//! are asked here.

use http::{HeaderName, HeaderValue, Method, Uri};
use iodine_core::http::head::{Framing, Head};

/// Panics if hyper would refuse `bytes`, or see another message than `head` describes.
pub fn assert_hyper_accepts(bytes: &[u8], head: &Head) {
    let mut fields = vec![httparse::EMPTY_HEADER; 1000];
    let mut request = httparse::Request::new(&mut fields);
    let parsed = request.parse(bytes).expect("httparse accepts the head");
    assert!(parsed.is_complete(), "httparse finds the end");
    assert_eq!(request.version, Some(u8::from(!head.http10)));
    assert_eq!(request.headers.len(), head.fields);
    Method::from_bytes(request.method.expect("parsed").as_bytes()).expect("http accepts the method");
    assert_target_survives(request.path.expect("parsed"), head, bytes);
    for field in request.headers.iter() {
        HeaderName::from_bytes(field.name.as_bytes()).expect("http accepts the name");
        HeaderValue::from_bytes(field.value).expect("http accepts the value");
    }
    assert_eq!(framing(request.headers), head.framing);
}

/// The application sees what the client sent: through the `Uri`, or through the raw target.
fn assert_target_survives(target: &str, head: &Head, bytes: &[u8]) {
    let uri: Uri = target.parse().expect("http accepts the target");
    match &head.raw_target {
        Some(raw) => assert_eq!(&bytes[raw.clone()], target.as_bytes()),
        None => assert_eq!(uri.to_string(), target),
    }
}

/// Framing as hyper reads it: the last coding decides, lengths have to be equal.
fn framing(fields: &[httparse::Header<'_>]) -> Framing {
    let values = |name: &str| {
        let values = fields.iter().filter(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value);
        values.map(|value| String::from_utf8_lossy(value).into_owned()).collect::<Vec<_>>()
    };
    if let Some(coding) = values("transfer-encoding").last() {
        let last = coding.rsplit(',').next().unwrap_or_default();
        assert!(last.trim().eq_ignore_ascii_case("chunked"), "hyper finds no end with {coding:?}");
        return Framing::Chunked;
    }
    let lengths = values("content-length");
    assert!(lengths.windows(2).all(|pair| pair[0] == pair[1]), "hyper refuses {lengths:?}");
    lengths.last().map_or(Framing::None, |length| Framing::Length(length.parse().expect("a number for hyper")))
}
