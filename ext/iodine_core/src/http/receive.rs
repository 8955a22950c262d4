//! A request body, completely, before the application sees the request: in memory, or in a file when it is large.

use std::fs::File;
use std::io::{Seek, Write};
use std::path::PathBuf;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use hyper::body::{Body, Incoming};
use tokio::task::spawn_blocking;

use super::clock::Phase;
use super::link::Link;
use super::refusal::{Kind, Refusal};
use super::shared::Shared;
use crate::handoff::RequestBody;

/// Why a body did not arrive.
#[derive(Debug)]
pub(crate) enum Unreceived {
    /// Broken (400), too slow (408), too large (413), or it cannot be stored (503).
    Refused(Refusal),
    /// The client has gone in the middle of it.
    Gone,
}

impl From<Refusal> for Unreceived {
    fn from(refusal: Refusal) -> Self {
        Unreceived::Refused(refusal)
    }
}

/// Bytes collected before they are written to the file.
const SPOOL_BATCH: usize = 256 * 1024;

/// Receives the whole body.
///
/// # Errors
/// [`Unreceived`]: the request ends here.
pub(crate) async fn body(mut incoming: Incoming, link: &Link, shared: &Shared) -> Result<RequestBody, Unreceived> {
    let limits = &shared.settings.limits;
    let mut memory = Buffer::default();
    let mut spool: Option<Spool> = None;
    let mut received = 0_u64;
    while let Some(data) = next(&mut incoming, link).await? {
        received += data.len() as u64;
        if limits.content_length.is_some_and(|most| received > most) {
            return Err(Refusal::payload_too_large("the body is larger than http_content_length_limit").into());
        }
        memory.push(data);
        if received > limits.body_memory as u64 && memory.len() >= spool_threshold(spool.is_some()) {
            let file = spool.take();
            // The disk's time is not the client's.
            link.lock().clock.enter(Phase::Application);
            spool = Some(write(file, memory.take(), shared).await?);
            link.lock().clock.enter(Phase::Body);
        }
    }
    match spool {
        None => Ok(RequestBody::Memory(memory.take())),
        Some(spool) => Ok(finish(write(Some(spool), memory.take(), shared).await?, shared)?),
    }
}

fn spool_threshold(begun: bool) -> usize {
    if begun { SPOOL_BATCH } else { 1 }
}

async fn next(incoming: &mut Incoming, link: &Link) -> Result<Option<Bytes>, Unreceived> {
    loop {
        let frame = std::future::poll_fn(|cx| std::pin::Pin::new(&mut *incoming).poll_frame(cx)).await;
        match frame {
            None => return Ok(None),
            // Trailers are not merged into the fields (RFC 9110 §6.5.1).
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => return Ok(Some(data)),
                Err(_trailers) => continue,
            },
            Some(Err(_)) => {
                // Whatever is wrong with the bytes, the gate has seen it before hyper. What is left is an end of the
                // connection before the end of the body.
                return Err(link.lock().refusal.take().map_or(Unreceived::Gone, Unreceived::Refused));
            }
        }
    }
}

/// One piece is kept as it came; several are joined.
#[derive(Debug, Default)]
struct Buffer {
    first: Bytes,
    rest: BytesMut,
}

impl Buffer {
    fn push(&mut self, data: Bytes) {
        if self.first.is_empty() && self.rest.is_empty() {
            self.first = data;
            return;
        }
        if self.rest.is_empty() {
            self.rest.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.rest.extend_from_slice(&data);
    }

    fn len(&self) -> usize {
        self.first.len() + self.rest.len()
    }

    fn take(&mut self) -> Bytes {
        if self.rest.is_empty() { std::mem::take(&mut self.first) } else { self.rest.split().freeze() }
    }
}

#[derive(Debug)]
struct Spool {
    file: File,
    len: u64,
}

/// Writes on a thread that may wait for the disk.
async fn write(spool: Option<Spool>, data: Bytes, shared: &Shared) -> Result<Spool, Refusal> {
    let folder = shared.settings.spool_dir.clone();
    let written = spawn_blocking(move || append(spool, &data, folder)).await;
    match written {
        Ok(Ok(spool)) => Ok(spool),
        Ok(Err(error)) => Err(no_room(&error, shared)),
        Err(panicked) => Err(no_room(&std::io::Error::other(panicked), shared)),
    }
}

fn append(spool: Option<Spool>, data: &[u8], folder: PathBuf) -> std::io::Result<Spool> {
    let mut spool = match spool {
        Some(spool) => spool,
        // Unlinked from the start: it disappears with its last descriptor, whatever happens to the process.
        None => Spool { file: tempfile::tempfile_in(folder)?, len: 0 },
    };
    spool.file.write_all(data)?;
    spool.len += data.len() as u64;
    Ok(spool)
}

fn finish(mut spool: Spool, shared: &Shared) -> Result<RequestBody, Refusal> {
    spool.file.rewind().map_err(|error| no_room(&error, shared))?;
    Ok(RequestBody::File { file: spool.file, len: spool.len })
}

fn no_room(error: &std::io::Error, shared: &Shared) -> Refusal {
    let folder = shared.settings.spool_dir.display();
    shared.log.line(&format!("cannot store a request body in {folder}: {error}; see the option spool_dir"));
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, Kind::Failure, "no room for the request body")
}
