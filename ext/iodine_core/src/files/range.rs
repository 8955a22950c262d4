//! `Range` (RFC 9110 §14.2).

use std::ops::Range;

/// A client that asks for more parts gets the whole.
const MOST: usize = 16;

/// What a value of `Range` asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Another unit, or more than it is worth to take apart.
    Whole,
    Parts(Vec<Range<u64>>),
    /// Malformed, or nothing of it exists.
    Unsatisfiable,
}

/// Reads a value for a file of `len` bytes.
pub(super) fn parse(value: &[u8], len: u64) -> Asked {
    let Some((unit, set)) = std::str::from_utf8(value).ok().and_then(|text| text.split_once('=')) else {
        return Asked::Unsatisfiable;
    };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Asked::Whole;
    }
    let Some(specs) = set.split(',').map(|spec| Spec::parse(spec.trim())).collect::<Option<Vec<_>>>() else {
        return Asked::Unsatisfiable;
    };
    let parts: Vec<_> = specs.into_iter().filter_map(|spec| spec.within(len)).collect();
    match parts.len() {
        0 => Asked::Unsatisfiable,
        // Overlapping parts: the whole is smaller.
        1..=MOST if fit(&parts, len) => Asked::Parts(parts),
        _ => Asked::Whole,
    }
}

/// Whether the parts together are no more than `len`.
fn fit(parts: &[Range<u64>], len: u64) -> bool {
    parts.iter().try_fold(len, |left, part| left.checked_sub(part.end - part.start)).is_some()
}

#[derive(Debug)]
enum Spec {
    From(u64),
    Between(u64, u64),
    Last(u64),
}

impl Spec {
    fn parse(spec: &str) -> Option<Spec> {
        let (first, last) = spec.split_once('-')?;
        match (first, last) {
            ("", last) => number(last).map(Spec::Last),
            (first, "") => number(first).map(Spec::From),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Spec::Between(first, last))
            }
        }
    }

    fn within(self, len: u64) -> Option<Range<u64>> {
        let part = match self {
            Spec::From(first) => first..len,
            Spec::Between(first, last) => first..len.min(last.saturating_add(1)),
            Spec::Last(count) => len.saturating_sub(count)..len,
        };
        (!part.is_empty()).then_some(part)
    }
}

/// Digits only; what is too large to exist lies behind every end.
fn number(digits: &str) -> Option<u64> {
    let valid = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    valid.then(|| digits.parse().unwrap_or(u64::MAX))
}
