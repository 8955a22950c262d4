//! The two kinds of body the scenarios need: one piece of memory, and a file.

use std::fs::File;
use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

/// Large enough that the number of system calls no longer matters.
const PIECE: usize = 256 * 1024;

/// A response body of known length.
pub enum Body {
    /// Sent as one frame.
    Whole(Bytes),
    /// Read piece by piece; the file is in the page cache, so reading does not block for long.
    File { file: File, left: u64 },
}

impl Body {
    pub fn whole(bytes: Bytes) -> Self {
        Self::Whole(bytes)
    }

    pub fn file(file: File) -> io::Result<Self> {
        let left = file.metadata()?.len();
        Ok(Self::File { file, left })
    }

    fn left(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::File { left, .. } => *left,
        }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let body = self.get_mut();
        if body.is_end_stream() {
            return Poll::Ready(None);
        }
        let piece = match body {
            Self::Whole(bytes) => Ok(std::mem::take(bytes)),
            Self::File { file, left } => read_piece(file, left),
        };
        Poll::Ready(Some(piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left())
    }
}

fn read_piece(file: &mut File, left: &mut u64) -> io::Result<Bytes> {
    let mut piece = vec![0; PIECE.min(usize::try_from(*left).unwrap_or(PIECE))];
    file.read_exact(&mut piece)?;
    *left -= piece.len() as u64;
    Ok(Bytes::from(piece))
}
