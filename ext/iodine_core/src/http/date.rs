//! The date field of a response (RFC 9110 §6.6.1), written once a second.

use std::cell::Cell;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::moment;

/// A field line with its end.
pub(super) type Line = [u8; 37];

const LINE: &Line = b"date: Thu, 01 Jan 1970 00:00:00 GMT\r\n";

/// The last line that was asked for.
#[derive(Clone, Copy)]
struct Last {
    look: Option<Instant>,
    second: u64,
    line: Line,
}

thread_local! {
    static LAST: Cell<Last> = const { Cell::new(Last { look: None, second: 0, line: *LINE }) };
}

/// The line with the present date.
pub(super) fn line() -> Line {
    let (look, last) = (moment::last_look(), LAST.get());
    if look.is_some() && look == last.look {
        return last.line;
    }
    let now = SystemTime::now();
    let second = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let line = if second == last.second { last.line } else { write(now) };
    LAST.set(Last { look, second, line });
    line
}

fn write(time: SystemTime) -> Line {
    let mut line = *LINE;
    let place = &mut line["date: ".len()..LINE.len() - "\r\n".len()];
    let date = httpdate::fmt_http_date(time);
    let length = date.len().min(place.len());
    place[..length].copy_from_slice(&date.as_bytes()[..length]);
    line
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_line_has_its_form() {
        let time = UNIX_EPOCH + Duration::from_secs(784_111_777);
        assert_eq!(&write(time), b"date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
    }

    #[test]
    fn now_is_now() {
        let line = line();
        let date = std::str::from_utf8(&line).expect("text").strip_prefix("date: ").expect("a date").trim_end();
        let now = httpdate::parse_http_date(date).expect("a date");
        let distance = now.duration_since(SystemTime::now()).unwrap_or_else(|error| error.duration());
        assert!(distance < Duration::from_secs(2), "{distance:?}");
    }
}
