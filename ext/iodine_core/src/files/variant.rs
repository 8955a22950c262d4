//! A file, or its compressed neighbour where the client takes that (RFC 9110 §12.5.3).

use std::fs::File;
use std::path::{Path, PathBuf};

use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

use super::root::Root;

/// Codings and the endings of their files. Of those that the client likes equally the first one is sent.
const CODINGS: [(&str, &str); 3] = [("br", "br"), ("zstd", "zst"), ("gzip", "gz")];

/// A file that can be sent.
#[derive(Debug)]
pub(super) struct Variant {
    pub(super) file: File,
    pub(super) len: u64,
    pub(super) modified: std::time::SystemTime,
    pub(super) coding: Option<&'static str>,
    /// Whether other clients get something else.
    pub(super) varies: bool,
    pub(super) media_type: &'static str,
}

/// Opens the best variant of a file for a client. `None` where it has just vanished, or cannot be read.
pub(super) fn choose(root: &Root, path: &Path, headers: &HeaderMap) -> Option<Variant> {
    let neighbours = CODINGS.map(|(coding, ending)| Some((coding, root.file(&neighbour(path, ending))?)));
    let varies = neighbours.iter().any(Option::is_some);
    let best = if varies { best(neighbours.into_iter().flatten(), headers) } else { None };
    let (coding, found) = best.map_or((None, path.to_owned()), |(coding, path)| (Some(coding), path));
    let file = File::open(found).ok()?;
    let metadata = file.metadata().ok()?;
    let media_type = mime_guess::from_path(path).first_raw().unwrap_or("application/octet-stream");
    Some(Variant { file, len: metadata.len(), modified: metadata.modified().ok()?, coding, varies, media_type })
}

fn neighbour(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

fn best<P>(candidates: impl Iterator<Item = (&'static str, P)>, headers: &HeaderMap) -> Option<(&'static str, P)> {
    let mut best: Option<(u16, (&'static str, P))> = None;
    for candidate in candidates {
        let weight = weight(headers, candidate.0);
        if weight > best.as_ref().map_or(0, |(weight, _)| *weight) {
            best = Some((weight, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// How much a client likes a coding, in thousandths; 0 is not at all.
fn weight(headers: &HeaderMap, coding: &str) -> u16 {
    let mut any = 0;
    for field in headers.get_all(ACCEPT_ENCODING) {
        for item in field.to_str().unwrap_or_default().split(',') {
            let mut parts = item.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let weight = parts.find_map(quality).unwrap_or(1000);
            if name.eq_ignore_ascii_case(coding) {
                return weight;
            }
            if name == "*" {
                any = weight;
            }
        }
    }
    any
}

/// `q=0.5` as 500; `None` for another parameter.
fn quality(parameter: &str) -> Option<u16> {
    let value = parameter.strip_prefix("q=").or(parameter.strip_prefix("Q="))?;
    let number: f32 = value.trim().parse().unwrap_or(0.0);
    Some((number.clamp(0.0, 1.0) * 1000.0) as u16)
}
