//! A directory whose files may be served: from the path of a request to a path in the file system that is certainly
//! inside.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode;

/// Served for a directory.
const INDEX: &str = "index.html";

/// The one name with a dot at its front that may be served (RFC 8615).
const WELL_KNOWN: &[u8] = b".well-known";

/// See the module.
#[derive(Debug)]
pub(super) struct Root {
    canonical: PathBuf,
}

/// What a path leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    File(PathBuf),
    /// A directory with an index, asked for without the slash at the end that its relative links need.
    Directory,
}

impl Root {
    /// # Errors
    /// When the directory does not exist.
    pub(super) fn new(directory: &Path) -> io::Result<Root> {
        let canonical = directory
            .canonicalize()
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", directory.display())))?;
        Ok(Root { canonical })
    }

    /// The file for the path of a request, as received: percent-encoded, with a slash at its front.
    pub(super) fn find(&self, path: &[u8]) -> Option<Found> {
        let decoded = decode(path)?;
        let asked = self.canonical.join(OsStr::from_bytes(&decoded));
        if decoded.is_empty() || decoded.ends_with(b"/") {
            return self.file(&asked.join(INDEX)).map(Found::File);
        }
        if asked.is_dir() {
            return self.file(&asked.join(INDEX)).map(|_| Found::Directory);
        }
        self.file(&asked).map(Found::File)
    }

    /// The file of this name in the file system, if it lies inside. A relative name counts from here.
    pub(super) fn contain(&self, name: &[u8]) -> Option<PathBuf> {
        self.file(&self.canonical.join(OsStr::from_bytes(name)))
    }

    /// The canonical path of a regular file inside, wherever symbolic links lead.
    pub(super) fn file(&self, path: &Path) -> Option<PathBuf> {
        let canonical = path.canonicalize().ok()?;
        (canonical.starts_with(&self.canonical) && canonical.is_file()).then_some(canonical)
    }
}

/// The path below the root. `None` for one that no file could have, or none that should be seen: hidden names, `..`, an
/// encoded slash.
fn decode(path: &[u8]) -> Option<Vec<u8>> {
    let rest = path.strip_prefix(b"/")?;
    let segments: Option<Vec<Vec<u8>>> = rest.split(|&byte| byte == b'/').map(segment).collect();
    let joined = segments?.join(&b'/');
    // An absolute path would replace the root.
    let slashes = joined.iter().take_while(|&&byte| byte == b'/').count();
    Some(joined[slashes..].to_vec())
}

fn segment(encoded: &[u8]) -> Option<Vec<u8>> {
    let decoded: Vec<u8> = percent_decode(encoded).collect();
    let hidden = decoded.starts_with(b".") && decoded != WELL_KNOWN;
    (!hidden && !decoded.contains(&b'/') && !decoded.contains(&0)).then_some(decoded)
}
