//! Files that are served without the application: those of the public directory, and those that the application names
//! in a response (`X-Sendfile`).
//!
//! ```text
//! path → root: inside? → variant: br, zst, gz? → conditions: 304, 412? → range: 206, 416? → response
//! ```
//!
//! Looking a file up blocks for some microseconds (the kernel has the names of files that are asked for in memory); a
//! hand-over to another thread would cost more than that.

mod conditions;
mod range;
mod response;
mod root;
mod variant;

use std::path::PathBuf;

use http::header::{HeaderName, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};

use self::conditions::Conditions;
use self::root::{Found, Root};
use crate::handoff::{Reply, ResponseHead};

const X_SENDFILE: HeaderName = HeaderName::from_static("x-sendfile");
const X_ACCEL_REDIRECT: HeaderName = HeaderName::from_static("x-accel-redirect");

/// Fields by which an application names a file in a response.
pub const FILE_FIELDS: [HeaderName; 2] = [X_SENDFILE, X_ACCEL_REDIRECT];

/// Where files are served from.
#[derive(Debug, Clone, Default)]
pub struct FilesSettings {
    /// The public directory: its files are served before the application is asked.
    pub public: Option<PathBuf>,
    /// Directories of the files that the application may name.
    pub sendfile_roots: Vec<PathBuf>,
    /// Seconds that a client may keep a public file without asking again.
    pub max_age: Option<u32>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Files {
    public: Option<Root>,
    sendfile_roots: Vec<Root>,
    cache_control: Option<HeaderValue>,
}

/// What a request says about the file that it will get, kept while the application has the request.
#[derive(Debug)]
pub(crate) struct Wanted {
    method: Method,
    headers: HeaderMap,
}

impl Files {
    /// # Errors
    /// When a directory does not exist.
    pub(crate) fn new(settings: &FilesSettings) -> std::io::Result<Files> {
        let cache_control = settings.max_age.map(|seconds| format!("public, max-age={seconds}"));
        Ok(Files {
            public: settings.public.as_deref().map(Root::new).transpose()?,
            sendfile_roots: settings.sendfile_roots.iter().map(|root| Root::new(root)).collect::<Result<_, _>>()?,
            cache_control: cache_control.and_then(|value| HeaderValue::try_from(value).ok()),
        })
    }

    /// The answer to a request for a public file; `None` is for the application.
    pub(crate) fn serve(&self, parts: &Parts) -> Option<Reply> {
        let root = self.public.as_ref()?;
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            return None;
        }
        let path = parts.uri.path();
        match root.find(path.as_bytes())? {
            Found::File(path) => {
                let mut head = ResponseHead { status: StatusCode::OK, headers: HeaderMap::new() };
                if let Some(value) = &self.cache_control {
                    head.headers.insert(http::header::CACHE_CONTROL, value.clone());
                }
                let file = variant::choose(root, &path, &parts.headers)?;
                Some(response::of(file, head, &Conditions::of(&parts.method, &parts.headers)))
            }
            Found::Directory => Some(response::moved(path, parts.uri.query())),
        }
    }

    /// What [`Files::instead`] will have to know; `None` where the application may not name files.
    pub(crate) fn wanted(&self, parts: &Parts) -> Option<Wanted> {
        if self.sendfile_roots.is_empty() {
            return None;
        }
        let mut headers = HeaderMap::new();
        for name in Conditions::NAMES.iter().chain(&[http::header::ACCEPT_ENCODING]) {
            for value in parts.headers.get_all(name) {
                headers.append(name, value.clone());
            }
        }
        Some(Wanted { method: parts.method.clone(), headers })
    }

    /// The file that the application names in its response, instead of the body; the response is given back where it
    /// names none. A file that does not exist or lies elsewhere is a 404, with a line for the log.
    pub(crate) fn instead(&self, reply: Reply, wanted: &Wanted, log: impl FnOnce(&str)) -> Reply {
        let (Reply::Full(head, _) | Reply::Stream(head, _) | Reply::File(head, _)) = &reply else { return reply };
        let named = |name| head.headers.get(name).map(HeaderValue::as_bytes);
        let path = match (named(X_SENDFILE), named(X_ACCEL_REDIRECT)) {
            (Some(path), _) => self.sendfile_roots.iter().find_map(|root| Some((root, root.contain(path)?))),
            (None, Some(target)) => self.sendfile_roots.iter().find_map(|root| match root.find(target)? {
                Found::File(path) => Some((root, path)),
                Found::Directory => None,
            }),
            (None, None) => return reply,
        };
        let (Reply::Full(mut head, _) | Reply::Stream(mut head, _) | Reply::File(mut head, _)) = reply else {
            return reply;
        };
        let file = path.and_then(|(root, path)| variant::choose(root, &path, &wanted.headers));
        match file {
            Some(file) => response::of(file, without_body(head), &Conditions::of(&wanted.method, &wanted.headers)),
            None => {
                let name = FILE_FIELDS.into_iter().find_map(|field| head.headers.remove(field));
                log(&format!(
                    "the app's X-Sendfile names {:?}, which is no file in one of the sendfile_roots: answered with 404",
                    name.unwrap_or(HeaderValue::from_static(""))
                ));
                response::not_found()
            }
        }
    }
}

/// The head without what named the file, and what belonged to the body that is not sent.
fn without_body(mut head: ResponseHead) -> ResponseHead {
    use http::header::{ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, TRANSFER_ENCODING};
    for name in [
        X_SENDFILE,
        X_ACCEL_REDIRECT,
        CONTENT_LENGTH,
        CONTENT_ENCODING,
        CONTENT_RANGE,
        ACCEPT_RANGES,
        TRANSFER_ENCODING,
    ] {
        head.headers.remove(name);
    }
    head
}
