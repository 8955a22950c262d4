//! Public files: no path leads out of the root or to a hidden name; ranges lie inside the file; conditions and preferred
//! codings can be judged whatever they say.

#[path = "../../src/files/conditions.rs"]
mod conditions;
#[path = "../../src/files/range.rs"]
mod range;
#[path = "../../src/files/root.rs"]
mod root;
#[path = "../../src/files/variant.rs"]
mod variant;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use headers::ETag;
use http::header::{ACCEPT_ENCODING, HeaderValue};
use http::{HeaderMap, Method};
use tempfile::TempDir;

use self::conditions::{Conditions, Verdict};
use self::range::Asked;
use self::root::{Found, Root};

/// Parts that are sent at most.
const PARTS: usize = 16;

/// Lines: a path; a length; then the values of the fields in `Conditions::NAMES`, and of `Accept-Encoding`.
pub fn check(bytes: &[u8]) {
    let mut lines = bytes.split(|&byte| byte == b'\n');
    let path = lines.next().unwrap_or_default();
    let length = lines.next().unwrap_or_default();
    let headers: HeaderMap = Conditions::NAMES
        .into_iter()
        .chain([ACCEPT_ENCODING])
        .zip(lines)
        .filter(|(_, value)| !value.is_empty() && !has_tag_with_blank(value))
        .filter_map(|(name, value)| Some((name, HeaderValue::from_bytes(value).ok()?)))
        .collect();
    check_path(path, &headers);
    check_conditions(&headers, length_of(length));
}

/// `headers` accepts such a tag as any other one, but asserts in debug builds that there is none.
fn has_tag_with_blank(value: &[u8]) -> bool {
    value.split(|&byte| byte == b'"').skip(1).step_by(2).any(|tag| tag.contains(&b' ') || tag.contains(&b'\t'))
}

/// A number, or eight bytes of one.
fn length_of(line: &[u8]) -> u64 {
    let text = std::str::from_utf8(line).ok();
    text.and_then(|text| text.parse().ok())
        .unwrap_or_else(|| line.iter().rev().take(8).fold(0, |sum, &byte| sum << 8 | u64::from(byte)))
}

/// A directory with all that should and should not be served.
static PLACE: LazyLock<(TempDir, Root)> = LazyLock::new(|| {
    let place = tempfile::tempdir().expect("a directory");
    let public = place.path().join("public");
    fs::create_dir_all(public.join("a/.git")).expect("directories");
    fs::create_dir_all(public.join(".well-known")).expect("a directory");
    for served in ["index.html", "a/index.html", "a/b.css", "a/b.css.gz", "a/b.css.br", ".well-known/x"] {
        fs::write(public.join(served), "public").expect("a file");
    }
    for hidden in ["../secret", "a/.git/config", ".env"] {
        fs::write(public.join(hidden), "secret").expect("a file");
    }
    symlink("../secret", public.join("out")).expect("a link");
    symlink("a/b.css", public.join("in")).expect("a link");
    let root = Root::new(&public).expect("a root");
    (place, root)
});

fn check_path(path: &[u8], headers: &HeaderMap) {
    let (place, root) = &*PLACE;
    if let Some(Found::File(file)) = root.find(path) {
        assert_public(place.path(), &file);
        if let Some(variant) = variant::choose(root, &file, headers) {
            let content = std::io::read_to_string(variant.file).expect("a readable file");
            assert_eq!(content, "public");
            assert_eq!(variant.len, 6);
        }
    }
    // What the application names may be hidden, but not outside.
    if let Some(file) = root.contain(path) {
        assert!(file.starts_with(place.path().canonicalize().expect("it exists").join("public")));
    }
}

fn assert_public(place: &Path, file: &Path) {
    assert!(file.starts_with(place.canonicalize().expect("it exists").join("public")), "{file:?}");
    assert_eq!(fs::read(file).expect("a readable file"), b"public", "{file:?}");
}

fn check_conditions(headers: &HeaderMap, length: u64) {
    let etag: ETag = "\"1-2\"".parse().expect("a tag");
    let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    for method in [Method::GET, Method::HEAD] {
        if let Verdict::Range(value) = Conditions::of(&method, headers).judge(&etag, modified) {
            assert_eq!(method, Method::GET);
            check_range(value, length);
        }
    }
}

fn check_range(value: &[u8], length: u64) {
    if let Asked::Parts(parts) = range::parse(value, length) {
        assert!((1..=PARTS).contains(&parts.len()));
        assert!(parts.iter().all(|part| part.start < part.end && part.end <= length), "{parts:?} of {length}");
        let total: u128 = parts.iter().map(|part| u128::from(part.end - part.start)).sum();
        assert!(total <= u128::from(length), "{parts:?} are more than {length}");
    }
}
