//! The application's end of a streaming body, with nobody at the other end yet.

use std::time::Duration;

use bytes::Bytes;
use iodine_core::handoff::{Room, StreamClosed, StreamReader, StreamWriter, stream};

use crate::support::{Client, Site};
use crate::{MOMENT, next_job, while_waiting};

/// A stream of this capacity whose reader does not read.
struct Pair {
    writer: StreamWriter,
    reader: StreamReader,
    site: Site,
    _client: Client,
}

fn pair(capacity: usize) -> Pair {
    let site = Site::unmanned(|_| {});
    let mut worker = site.crew().join();
    let mut client = site.connect();
    client.ask("/");
    let job = next_job(&mut worker);
    let (writer, reader) = stream(&job.ticket.handle(), capacity);
    Pair { writer, reader, site, _client: client }
}

fn part(length: usize) -> Bytes {
    Bytes::from(vec![b'x'; length])
}

#[test]
fn parts_are_queued_up_to_the_capacity() {
    let pair = pair(100);
    for _ in 0..10 {
        assert_eq!(pair.writer.try_write(&part(10)), Ok(Room::Queued));
    }
    assert_eq!(pair.writer.try_write(&part(1)), Ok(Room::Full));
}

#[test]
fn one_part_may_be_larger_than_the_capacity() {
    let pair = pair(100);
    assert_eq!(pair.writer.try_write(&part(1000)), Ok(Room::Queued));
    assert_eq!(pair.writer.try_write(&part(1)), Ok(Room::Full));
}

#[test]
fn an_empty_part_needs_no_room() {
    let pair = pair(1);
    assert_eq!(pair.writer.try_write(&part(1)), Ok(Room::Queued));
    assert_eq!(pair.writer.try_write(&Bytes::new()), Ok(Room::Queued));
}

#[test]
fn waiting_for_room_has_a_limit() {
    let pair = pair(100);
    assert_eq!(pair.writer.try_write(&part(100)), Ok(Room::Queued));
    let ((), time) = while_waiting(&pair.site, || pair.writer.wait_for_room(1, MOMENT), || {});
    assert!(time >= MOMENT && time < Duration::from_secs(2), "{time:?}");
}

#[test]
fn a_part_that_does_not_fit_is_waited_for_even_in_a_queue_that_is_hardly_full() {
    let pair = pair(100);
    assert_eq!(pair.writer.try_write(&part(40)), Ok(Room::Queued));
    assert_eq!(pair.writer.try_write(&part(80)), Ok(Room::Full));
    // Returning at once would make the writer ask again and again, with all of a processor.
    let ((), time) = while_waiting(&pair.site, || pair.writer.wait_for_room(80, MOMENT), || {});
    assert!(time >= MOMENT, "{time:?}");
}

#[test]
fn an_interrupt_ends_the_wait_for_room() {
    let pair = pair(100);
    assert_eq!(pair.writer.try_write(&part(100)), Ok(Room::Queued));
    let limit = Duration::from_secs(8);
    let ((), time) = while_waiting(&pair.site, || pair.writer.wait_for_room(1, limit), || pair.writer.interrupt());
    assert!(time < Duration::from_secs(2), "{time:?}");
}

#[test]
fn a_reader_that_goes_ends_the_wait_for_room() {
    let Pair { writer, reader, site, _client } = pair(100);
    assert_eq!(writer.try_write(&part(100)), Ok(Room::Queued));
    let limit = Duration::from_secs(8);
    let ((), time) = while_waiting(&site, || writer.wait_for_room(1, limit), || drop(reader));
    assert!(time < Duration::from_secs(2), "{time:?}");
    assert_eq!(writer.try_write(&part(1)), Err(StreamClosed));
    assert!(writer.is_closed() && writer.is_deserted());
}

#[test]
fn nothing_is_written_behind_the_end() {
    for end in [StreamWriter::finish, StreamWriter::abort] {
        let pair = pair(100);
        assert!(!pair.writer.is_closed());
        end(&pair.writer);
        assert_eq!(pair.writer.try_write(&part(1)), Err(StreamClosed));
        assert!(pair.writer.is_closed());
        assert!(!pair.writer.is_deserted(), "it was the application that ended it");
        drop(pair.reader);
        assert!(!pair.writer.is_deserted());
    }
}
