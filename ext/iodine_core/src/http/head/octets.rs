//! The alphabets of HTTP/1.1 as one table: a byte is looked up once, whatever it is asked for.

/// `tchar`: what a method and a field name are made of (RFC 9110 §5.6.2).
const TOKEN: u8 = 1;
/// What a request target may hold; see [`are_target`].
const TARGET: u8 = 2;
/// What a host name may hold; see [`host_len`].
const HOST: u8 = 4;

static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte as usize] = class(byte);
        byte += 1;
    }
    table
}

const fn class(byte: u8) -> u8 {
    let token = byte.is_ascii_alphanumeric() || holds(b"!#$%&'*+-.^_`|~", byte);
    let target = byte.is_ascii_graphic() && !holds(b"\"<>`", byte);
    let host = byte.is_ascii_alphanumeric() || holds(b"-._~!$&'()*+;=", byte);
    (token as u8 * TOKEN) | (target as u8 * TARGET) | (host as u8 * HOST)
}

const fn holds(set: &[u8], byte: u8) -> bool {
    let mut i = 0;
    while i < set.len() {
        if set[i] == byte {
            return true;
        }
        i += 1;
    }
    false
}

fn of(byte: u8, class: u8) -> bool {
    CLASSES[usize::from(byte)] & class != 0
}

/// `true` for a `tchar` (RFC 9110 §5.6.2).
pub(crate) fn is_token(byte: u8) -> bool {
    of(byte, TOKEN)
}

/// How many bytes at the front of `bytes` are `tchar`s.
pub(crate) fn token_len(bytes: &[u8]) -> usize {
    bytes.iter().position(|&byte| !is_token(byte)).unwrap_or(bytes.len())
}

/// `true` for target bytes: those of RFC 3986 and `{ } | \ ^`, which browsers send unescaped. `"`, `<`, `>` and the
/// backtick stay out, as everything that is not visible, unless it is UTF-8: curl and many a crawler send what was typed,
/// and Puma, nginx and hyper take it.
pub(crate) fn are_target(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| of(byte, TARGET) || !byte.is_ascii()) && std::str::from_utf8(bytes).is_ok()
}

/// How many bytes at the front of `bytes` are those of a `reg-name` (RFC 3986 §3.2.2), without the comma, which a client that
/// joins two Host fields produces, and without `%`: `http::Uri` refuses it in a host and no browser sends it.
pub(crate) fn host_len(bytes: &[u8]) -> usize {
    bytes.iter().position(|&byte| !of(byte, HOST)).unwrap_or(bytes.len())
}

/// `true` for one byte of a field value: HTAB, SP, visible ASCII and obs-text (RFC 9110 §5.5).
pub(crate) fn is_value(byte: u8) -> bool {
    ((byte >= b' ') | (byte == b'\t')) & (byte != 0x7f)
}

/// `true` if `bytes` hold nothing but bytes of field values, CR and LF.
pub(crate) fn are_text(bytes: &[u8]) -> bool {
    // A fold, not `all`: without an early exit the compiler looks at 16 bytes at once.
    !bytes.iter().fold(false, |bad, &byte| bad | (!is_value(byte) & (byte != b'\r') & (byte != b'\n')))
}

/// `bytes` without SP and HTAB around it (OWS, RFC 9110 §5.6.3). Other white space is data.
pub(crate) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}
