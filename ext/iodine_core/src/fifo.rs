//! First in, first out. Most queues of a connection hold one item or none: the first one needs no memory of its own.

use std::collections::VecDeque;

/// See the module.
#[derive(Debug)]
pub(crate) struct Fifo<T> {
    /// There where anything is.
    first: Option<T>,
    others: VecDeque<T>,
}

impl<T> Default for Fifo<T> {
    fn default() -> Self {
        Fifo { first: None, others: VecDeque::new() }
    }
}

impl<T> Fifo<T> {
    pub(crate) fn push_back(&mut self, item: T) {
        if self.first.is_none() {
            self.first = Some(item);
        } else {
            self.others.push_back(item);
        }
    }

    pub(crate) fn pop_front(&mut self) -> Option<T> {
        let next = self.others.pop_front();
        std::mem::replace(&mut self.first, next)
    }

    pub(crate) fn front_mut(&mut self) -> Option<&mut T> {
        self.first.as_mut()
    }

    pub(crate) fn back_mut(&mut self) -> Option<&mut T> {
        self.others.back_mut().or(self.first.as_mut())
    }

    pub(crate) fn pop_back(&mut self) -> Option<T> {
        self.others.pop_back().or_else(|| self.first.take())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> + Clone {
        self.first.iter().chain(&self.others)
    }

    /// The item, where there is just one.
    pub(crate) fn only(&self) -> Option<&T> {
        self.first.as_ref().filter(|_| self.others.is_empty())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fifo(items: std::ops::Range<u8>) -> Fifo<u8> {
        let mut fifo = Fifo::default();
        items.for_each(|item| fifo.push_back(item));
        fifo
    }

    #[test]
    fn gives_items_in_order() {
        let mut queue = fifo(1..4);
        assert_eq!(queue.iter().copied().collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(queue.only(), None);
        assert_eq!(queue.pop_front(), Some(1));
        queue.push_back(4);
        assert_eq!(queue.front_mut(), Some(&mut 2));
        assert_eq!(
            [queue.pop_front(), queue.pop_front(), queue.pop_front(), queue.pop_front()],
            [Some(2), Some(3), Some(4), None]
        );
        assert!(queue.is_empty());
    }

    #[test]
    fn gives_the_last_ones_back() {
        let mut queue = fifo(1..3);
        assert_eq!(queue.back_mut(), Some(&mut 2));
        assert_eq!(queue.pop_back(), Some(2));
        assert_eq!(queue.only(), Some(&1));
        assert_eq!(queue.pop_back(), Some(1));
        assert_eq!((queue.pop_back(), queue.is_empty()), (None, true));
        queue.push_back(3);
        assert_eq!(queue.pop_front(), Some(3));
    }
}
