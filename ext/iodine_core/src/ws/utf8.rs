//! UTF-8 that comes in pieces: wrong bytes are seen as soon as they are there (RFC 6455 §8.1).

/// The start of a character that the next piece has to complete.
#[derive(Debug, Default)]
pub(super) struct Utf8 {
    begun: [u8; 4],
    len: usize,
}

impl Utf8 {
    /// Takes the next piece. `false`: this can never become UTF-8.
    pub(super) fn take(&mut self, mut piece: &[u8]) -> bool {
        while self.len > 0 {
            let Some((first, rest)) = piece.split_first() else { return true };
            self.begun[self.len] = *first;
            self.len += 1;
            piece = rest;
            match std::str::from_utf8(&self.begun[..self.len]) {
                Ok(_) => self.len = 0,
                Err(error) if error.error_len().is_some() => return false,
                Err(_) => {}
            }
        }
        match std::str::from_utf8(piece) {
            Ok(_) => true,
            Err(error) if error.error_len().is_some() => false,
            Err(error) => {
                let begun = &piece[error.valid_up_to()..];
                self.begun[..begun.len()].copy_from_slice(begun);
                self.len = begun.len();
                true
            }
        }
    }

    /// Whether the last character is complete.
    pub(super) fn is_complete(&self) -> bool {
        self.len == 0
    }
}
