//! What Redis sends back of our own publications. They have reached this server already.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::pubsub::publication::Publication;

/// An echo that has not come by then does not come any more: its connection broke.
const LOST: Duration = Duration::from_secs(10);

/// Publications that are expected back, in the order of their leaving.
///
/// They are recognised by channel and content: of several equal ones, from here and from elsewhere, it does not matter
/// which one is dropped.
#[derive(Debug, Default)]
pub(super) struct Echoes(VecDeque<(Instant, Arc<Publication>)>);

impl Echoes {
    pub(super) fn expect(&mut self, publication: Arc<Publication>, now: Instant) {
        self.0.push_back((now, publication));
    }

    /// Whether this is one of them; it is not expected again then.
    pub(super) fn takes(&mut self, publication: &Publication, now: Instant) -> bool {
        while self.0.front().is_some_and(|(sent, _)| now.duration_since(*sent) > LOST) {
            self.0.pop_front();
        }
        let same = |own: &Publication| own.channel() == publication.channel() && own.payload() == publication.payload();
        match self.0.iter().position(|(_, own)| same(own)) {
            Some(at) => self.0.remove(at).is_some(),
            None => false,
        }
    }

    /// The connection that would have brought them is gone.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn publication(payload: &'static str) -> Publication {
        Publication::new(Bytes::from_static(b"room"), Bytes::from_static(payload.as_bytes()))
    }

    #[test]
    fn each_is_taken_once() {
        let (mut echoes, now) = (Echoes::default(), Instant::now());
        echoes.expect(Arc::new(publication("a")), now);
        echoes.expect(Arc::new(publication("b")), now);
        let taken: Vec<_> = ["b", "b", "c", "a", "a"].map(|one| echoes.takes(&publication(one), now)).into();
        assert_eq!(taken, [true, false, false, true, false]);
    }

    #[test]
    fn the_lost_are_forgotten() {
        let (mut echoes, now) = (Echoes::default(), Instant::now());
        echoes.expect(Arc::new(publication("a")), now);
        assert!(!echoes.takes(&publication("a"), now + LOST + Duration::from_millis(1)));
    }
}
