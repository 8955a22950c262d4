//! A body that is a file.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderValue};
use iodine_core::handoff::{FileBody, Payload, Reply, Ticket, is_bodiless};
use magnus::value::ReprValue;
use magnus::{Error, Value};

use super::{Answer, Call, Sent, whole};
use crate::gvl;

/// Files up to this size are read here; larger ones are left to the core, which sends them without reading.
const SMALL_FILE: u64 = 64 * 1024;

/// The file behind `to_path`; `None` where there is none to be read, and `each` has to do (drop-in row R-07).
pub(super) fn open(body: Value) -> Result<Option<(File, u64)>, Error> {
    if !body.respond_to("to_path", false)? {
        return Ok(None);
    }
    let Some(path) = body.funcall::<_, _, Option<PathBuf>>("to_path", ())? else { return Ok(None) };
    // A file system may take its time, and must not take everybody's.
    Ok(gvl::without(|| open_regular(&path), || {}).flatten())
}

fn open_regular(path: &Path) -> Option<(File, u64)> {
    // Without O_NONBLOCK a FIFO would wait for its writer. It makes no difference to a regular file.
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path).ok()?;
    let metadata = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    Some((file, metadata.len()))
}

pub(super) fn send(call: &Call<'_>, ticket: Ticket, mut answer: Answer, mut file: File, len: u64) -> Sent {
    let bodiless = is_bodiless(answer.head.status);
    if bodiless {
        return whole(call, ticket, answer, Payload::default());
    }
    answer.head.headers.insert(CONTENT_LENGTH, HeaderValue::from(len));
    if len > SMALL_FILE || call.head_only {
        ticket.answer(Reply::File(answer.head, FileBody::whole(file, len)));
        return Sent::Whole;
    }
    let read = gvl::without(
        || {
            let mut bytes = Vec::with_capacity(len as usize);
            (&mut file).take(len).read_to_end(&mut bytes).map(|_| bytes)
        },
        || {},
    );
    match read {
        Some(Ok(bytes)) if bytes.len() as u64 == len => {
            ticket.answer(Reply::Full(answer.head, Bytes::from(bytes).into()));
        }
        // Shortened meanwhile, or interrupted before it was read: the core will see for itself.
        _ => ticket.answer(Reply::File(answer.head, FileBody::whole(file, len))),
    }
    Sent::Whole
}
