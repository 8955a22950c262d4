//! Patterns of channel names, by the rules of Redis' `PSUBSCRIBE`.
//!
//! `*` any bytes, `?` one byte, `[abc]`, `[a-z]`, `[^abc]` one byte of (or not of) a class, `\` takes the next byte
//! literally. A class that is never closed ends with the pattern. Bytes, not characters: `?` is half of an `é`.

/// Tells whether the whole of `name` matches `pattern`.
///
/// Takes at most `pattern.len() * name.len()` steps: only the last `*` is ever reconsidered, because whatever an
/// earlier one could still take, the last one can take as well.
///
/// One difference to Redis: `*` also matches the empty name.
pub fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut rest, mut at) = (pattern, 0);
    let mut retry: Option<(&[u8], usize)> = None;
    loop {
        if let [b'*', behind @ ..] = rest {
            rest = behind;
            retry = Some((behind, at));
            continue;
        }
        match name.get(at) {
            None if rest.is_empty() => return true,
            None => return false,
            Some(&byte) => {
                if let Some(behind) = step(rest, byte) {
                    (rest, at) = (behind, at + 1);
                    continue;
                }
            }
        }
        let Some((behind, from)) = retry else { return false };
        if behind.is_empty() {
            return true;
        }
        (rest, at) = (behind, from + 1);
        retry = Some((behind, at));
    }
}

/// Matches one byte with the first element of a pattern that does not begin with `*`; returns what follows it.
fn step(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    match pattern {
        [] => None,
        [b'?', rest @ ..] => Some(rest),
        [b'[', b'^', class @ ..] => {
            let (found, rest) = search(class, byte);
            (!found).then_some(rest)
        }
        [b'[', class @ ..] => {
            let (found, rest) = search(class, byte);
            found.then_some(rest)
        }
        [b'\\', literal, rest @ ..] | [literal, rest @ ..] => (*literal == byte).then_some(rest),
    }
}

/// Looks for a byte in a class; returns whether it is there, and what follows the class.
fn search(mut class: &[u8], byte: u8) -> (bool, &[u8]) {
    let mut found = false;
    loop {
        let (low, high);
        (low, high, class) = match class {
            [] => return (found, class),
            [b'\\', literal, rest @ ..] => (*literal, *literal, rest),
            [b']', rest @ ..] => return (found, rest),
            [one, b'-', other, rest @ ..] => (*one.min(other), *one.max(other), rest),
            [literal, rest @ ..] => (*literal, *literal, rest),
        };
        found |= (low..=high).contains(&byte);
    }
}
