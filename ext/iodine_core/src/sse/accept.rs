//! Whether a client wants an event stream (RFC 9110 §12.5.1).

use http::HeaderMap;
use http::header::ACCEPT;

use super::EVENT_STREAM;

/// Whether one of the accepted media ranges is `text/event-stream` itself, with a weight above 0.
pub fn wants_event_stream(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.filter(|value| value.len() >= EVENT_STREAM.len()).flat_map(|value| value.split(',')).any(is_wanted)
}

fn is_wanted(range: &str) -> bool {
    let mut parts = range.split(';').map(str::trim);
    parts.next().is_some_and(|media| media.eq_ignore_ascii_case(EVENT_STREAM)) && parts.all(|part| !is_zero(part))
}

fn is_zero(parameter: &str) -> bool {
    let Some((name, weight)) = parameter.split_once('=') else { return false };
    name.trim().eq_ignore_ascii_case("q") && weight.trim().parse().is_ok_and(|weight: f32| weight <= 0.0)
}
