//! Patterns of channels: the same answer as the plain definition, which tries everything.

use iodine_core::pubsub::glob;

/// The definition takes exponential time.
const LONGEST: usize = 24;

/// The first line is the pattern, the rest the name.
pub fn check(bytes: &[u8]) {
    let at = bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len());
    let (pattern, name) = (&bytes[..at], bytes.get(at + 1..).unwrap_or_default());
    let matches = glob::matches(pattern, name);
    if bytes.len() <= LONGEST {
        assert_eq!(matches, defined(pattern, name));
    }
}

/// By the words of Redis' documentation, without any shortcut.
fn defined(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern, name) {
        ([], name) => name.is_empty(),
        ([b'*', rest @ ..], name) => (0..=name.len()).any(|taken| defined(rest, &name[taken..])),
        (_, []) => false,
        ([b'?', rest @ ..], [_, behind @ ..]) => defined(rest, behind),
        ([b'[', class @ ..], [byte, behind @ ..]) => {
            let (members, negated, rest) = members(class);
            members.contains(byte) != negated && defined(rest, behind)
        }
        ([b'\\', literal, rest @ ..] | [literal, rest @ ..], [byte, behind @ ..]) => {
            literal == byte && defined(rest, behind)
        }
    }
}

/// The bytes of a class, whether it is negated, and what follows it.
fn members(class: &[u8]) -> (Vec<u8>, bool, &[u8]) {
    let (mut rest, negated) = match class {
        [b'^', rest @ ..] => (rest, true),
        _ => (class, false),
    };
    let mut members = Vec::new();
    loop {
        match rest {
            [] => return (members, negated, rest),
            [b']', behind @ ..] => return (members, negated, behind),
            [b'\\', literal, behind @ ..] => {
                members.push(*literal);
                rest = behind;
            }
            [one, b'-', other, behind @ ..] => {
                members.extend(*one.min(other)..=*one.max(other));
                rest = behind;
            }
            [literal, behind @ ..] => {
                members.push(*literal);
                rest = behind;
            }
        }
    }
}
