//! What one can subscribe to.

use bytes::Bytes;

use super::glob;

/// The name of a channel, or a pattern of names. A pattern is never equal to a name, even if it is spelled alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// One channel, by its name.
    Exact(Bytes),
    /// Every channel whose name matches ([`glob::matches`]).
    Pattern(Bytes),
}

impl Channel {
    /// The name or the pattern as it was given.
    pub fn name(&self) -> &Bytes {
        match self {
            Channel::Exact(name) | Channel::Pattern(name) => name,
        }
    }

    /// Tells whether a publication to the channel `name` is meant.
    pub fn covers(&self, name: &[u8]) -> bool {
        match self {
            Channel::Exact(own) => own == name,
            Channel::Pattern(pattern) => glob::matches(pattern, name),
        }
    }
}
