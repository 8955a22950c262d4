//! `host [":" port]`, as in the Host field and in an absolute target.

use std::net::Ipv6Addr;

use memchr::memchr;

use crate::http::head::octets;

/// `true` for a host, by name or address, with or without a port (RFC 9110 §7.2, RFC 3986 §3.2.2). No user information:
/// RFC 9110 §4.2.4 wants it treated as an error.
pub(crate) fn is_authority(bytes: &[u8]) -> bool {
    let host = match bytes {
        [b'[', ..] => memchr(b']', bytes).filter(|end| is_ipv6(&bytes[1..*end])).map_or(0, |end| end + 1),
        _ => octets::host_len(bytes),
    };
    host > 0 && is_port(&bytes[host..])
}

fn is_ipv6(address: &[u8]) -> bool {
    std::str::from_utf8(address).is_ok_and(|address| address.parse::<Ipv6Addr>().is_ok())
}

/// Nothing, or a colon and a number. A colon alone is valid and means the scheme's own port (RFC 3986 §3.2.3).
fn is_port(port: &[u8]) -> bool {
    match port {
        [] => true,
        [b':', digits @ ..] => digits
            .iter()
            .try_fold(0u16, |number, &byte| {
                let digit = byte.is_ascii_digit().then(|| u16::from(byte - b'0'))?;
                number.checked_mul(10)?.checked_add(digit)
            })
            .is_some(),
        _ => false,
    }
}
