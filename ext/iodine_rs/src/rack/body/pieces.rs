//! A body whose parts are all there.

use bytes::BytesMut;
use iodine_core::handoff::Payload;
use magnus::value::ReprValue;
use magnus::{Error, RArray, Ruby, Value};

use super::string;
use crate::pins;

/// Pieces below this size are joined with their neighbours.
const SMALL_PIECE: usize = 16 * 1024;

/// Collects the pieces of a complete body: small ones joined, large ones lent.
#[derive(Default)]
pub(super) struct Pieces {
    small: BytesMut,
    payload: Payload,
}

impl Pieces {
    pub(super) fn of_array(ruby: &Ruby, array: RArray) -> Result<Payload, Error> {
        let mut pieces = Pieces::default();
        if array.len() == 1 {
            let piece: Value = array.entry(0)?;
            return if piece.is_nil() { Ok(Payload::default()) } else { Ok(pins::bytes(string(ruby, piece)?)?.into()) };
        }
        for part in array {
            pieces.push(ruby, part)?;
        }
        Ok(pieces.finish())
    }

    fn push(&mut self, ruby: &Ruby, part: Value) -> Result<(), Error> {
        if part.is_nil() {
            return Ok(());
        }
        let part = string(ruby, part)?;
        if part.len() < SMALL_PIECE {
            // SAFETY: copied before Ruby code runs again.
            self.small.extend_from_slice(unsafe { part.as_slice() });
        } else {
            self.flush();
            self.payload.push(pins::bytes(part)?);
        }
        Ok(())
    }

    fn flush(&mut self) {
        self.payload.push(self.small.split().freeze());
    }

    fn finish(mut self) -> Payload {
        self.flush();
        self.payload
    }
}
