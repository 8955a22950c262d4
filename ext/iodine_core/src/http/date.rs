//! The date of a response (RFC 9110 §6.6.1), written once a second.

use std::cell::Cell;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::moment;

/// "Sun, 06 Nov 1994 08:49:37 GMT"
pub(super) type Date = [u8; 29];

/// The last date that was asked for.
#[derive(Clone, Copy)]
struct Last {
    look: Option<Instant>,
    second: u64,
    date: Date,
}

thread_local! {
    static LAST: Cell<Last> = const { Cell::new(Last { look: None, second: 0, date: [0; 29] }) };
}

/// The present date.
pub(super) fn now() -> Date {
    let (look, last) = (moment::last_look(), LAST.get());
    if look.is_some() && look == last.look {
        return last.date;
    }
    let now = SystemTime::now();
    let second = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let date = if second == last.second { last.date } else { write(now) };
    LAST.set(Last { look, second, date });
    date
}

fn write(time: SystemTime) -> Date {
    let mut date = [b' '; 29];
    let text = httpdate::fmt_http_date(time);
    let length = text.len().min(date.len());
    date[..length].copy_from_slice(&text.as_bytes()[..length]);
    date
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_date_has_its_length() {
        assert_eq!(&write(UNIX_EPOCH + Duration::from_secs(784_111_777)), b"Sun, 06 Nov 1994 08:49:37 GMT");
    }

    #[test]
    fn now_is_now() {
        let now = httpdate::parse_http_date(std::str::from_utf8(&now()).expect("text")).expect("a date");
        let distance = now.duration_since(SystemTime::now()).unwrap_or_else(|error| error.duration());
        assert!(distance < Duration::from_secs(2), "{distance:?}");
    }
}
