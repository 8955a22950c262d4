//! Maps for the fields of requests and responses, lent by the thread: where one that had fields is used again, no memory is
//! asked for.

use std::cell::RefCell;

use http::HeaderMap;

/// Maps that are kept, and the most fields that one of them has room for.
const KEPT: usize = 32;
const LARGEST: usize = 64;

thread_local! {
    static SPARE: RefCell<Vec<HeaderMap>> = const { RefCell::new(Vec::new()) };
}

/// An empty map.
pub fn take() -> HeaderMap {
    SPARE.with_borrow_mut(Vec::pop).unwrap_or_default()
}

/// Takes a map back that nobody needs any more.
pub fn give_back(mut map: HeaderMap) {
    if !(1..=LARGEST).contains(&map.capacity()) {
        return;
    }
    map.clear();
    SPARE.with_borrow_mut(|spare| {
        if spare.len() < KEPT {
            spare.push(map);
        }
    });
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::HOST;

    use super::*;

    #[test]
    fn a_map_comes_back_empty() {
        let mut map = take();
        map.insert(HOST, HeaderValue::from_static("localhost"));
        let room = map.capacity();
        give_back(map);
        let map = take();
        assert!(map.is_empty());
        assert_eq!(map.capacity(), room);
    }

    #[test]
    fn large_maps_and_many_maps_are_not_kept() {
        give_back(HeaderMap::with_capacity(2 * LARGEST));
        assert_eq!(take().capacity(), 0);
        (0..2 * KEPT).for_each(|_| give_back(HeaderMap::with_capacity(4)));
        let kept = (0..2 * KEPT).filter(|_| take().capacity() > 0).count();
        assert_eq!(kept, KEPT);
    }
}
