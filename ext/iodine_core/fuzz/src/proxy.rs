//! The header of a proxy: the same address in one piece and in many, and the one that a plain reading of the
//! specification (HAProxy's `proxy-protocol.txt`) finds there.

use std::net::{IpAddr, SocketAddr};

use iodine_core::net::proxy::{Header, parse};
use iodine_core::settings::ProxyProtocol;

use super::cuts;

/// What the bytes begin with: how long the header is, and the address in it. `Err` where they are refused.
type Verdict = Result<Header, ()>;

/// See the module.
pub fn check(bytes: &[u8]) {
    for (version, defined) in [(ProxyProtocol::V1, v1 as fn(&[u8]) -> Verdict), (ProxyProtocol::V2, v2)] {
        let whole = defined(bytes);
        for pieces in cuts::of(bytes) {
            assert_eq!(judge(&pieces, version), whole, "{version:?} in {} pieces", pieces.len());
        }
    }
}

/// Reads as the entrance does: until there is a verdict.
fn judge(pieces: &[&[u8]], version: ProxyProtocol) -> Verdict {
    let mut buffer = Vec::new();
    for piece in pieces {
        buffer.extend_from_slice(piece);
        match parse(&buffer, version) {
            Ok(Header::Partial) => {}
            verdict => return verdict.map_err(drop),
        }
    }
    Ok(Header::Partial)
}

/// §2.1: a line of at most 107 bytes, its end included.
fn v1(bytes: &[u8]) -> Verdict {
    if let Some(verdict) = without_prefix(bytes, b"PROXY ") {
        return Ok(verdict);
    }
    let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else {
        return if bytes.len() < 107 { Ok(Header::Partial) } else { Err(()) };
    };
    let line = bytes[..end].strip_suffix(b"\r").filter(|_| end < 107).ok_or(())?;
    if line == b"PROXY UNKNOWN" || line.starts_with(b"PROXY UNKNOWN ") {
        return Ok(Header::Complete(end + 1, None));
    }
    let words: Vec<_> = std::str::from_utf8(line).map_err(drop)?.split(' ').collect();
    let address = match words[1..] {
        [family @ ("TCP4" | "TCP6"), from, to, from_port, to_port] => {
            let [from, to] =
                [from, to].map(|word| word.parse::<IpAddr>().ok().filter(|ip| ip.is_ipv4() == (family == "TCP4")));
            to.and(port(to_port)).ok_or(())?;
            SocketAddr::new(from.ok_or(())?, port(from_port).ok_or(())?)
        }
        _ => return Err(()),
    };
    Ok(Header::Complete(end + 1, Some(address)))
}

/// Decimal, without leading zeros or a sign.
fn port(word: &str) -> Option<u16> {
    word.parse().ok().filter(|port: &u16| port.to_string() == word)
}

/// §2.2: 16 bytes, the last two of which say how many follow. Those above 4096 are refused.
fn v2(bytes: &[u8]) -> Verdict {
    if let Some(verdict) = without_prefix(bytes, b"\r\n\r\n\0\r\nQUIT\n") {
        return Ok(verdict);
    }
    let Some(&[command, family, high, low]) = bytes.get(12..16) else { return Ok(Header::Partial) };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let shortest = [0, 12, 36, 216].get(usize::from(family >> 4)).ok_or(())?;
    if !(0x20..=0x21).contains(&command) || family & 0xf > 2 || length < *shortest || length > 4096 {
        return Err(());
    }
    let Some(rest) = bytes[16..].get(..length) else { return Ok(Header::Partial) };
    let address = match (command, family >> 4) {
        (0x20, _) => None,
        (_, 1) => rest.first_chunk::<4>().map(|ip| (IpAddr::from(*ip), 8)),
        (_, 2) => rest.first_chunk::<16>().map(|ip| (IpAddr::from(*ip), 32)),
        _ => None,
    };
    Ok(Header::Complete(16 + length, address.map(|(ip, at)| (ip, u16::from_be_bytes([rest[at], rest[at + 1]])).into())))
}

/// `Some` where they are not (yet) more than a prefix.
fn without_prefix(bytes: &[u8], prefix: &[u8]) -> Option<Header> {
    let compared = prefix.len().min(bytes.len());
    if bytes[..compared] != prefix[..compared] {
        return Some(Header::Absent);
    }
    (compared < prefix.len()).then_some(Header::Partial)
}
