//! Streaming bodies: their permits, and their bound.

use super::*;

#[test]
fn a_writer_that_waits_for_room_gets_it_or_learns_that_nobody_reads() {
    explore(|| {
        let crew = crew(1);
        let (ticket, _inbox) = Ticket::new(Arc::new(postbox::Postbox::new(crew.reactor.clone())));
        let (writer, mut reader) = stream(&ticket.handle(), 1);
        let client = thread::spawn(move || {
            let first = shuttle::future::block_on(reader.part());
            assert_eq!(first, Ok(Bytes::from_static(b"a")));
            // Gone in the middle.
        });
        let mut written = 0;
        for part in [Bytes::from_static(b"a"), Bytes::from_static(b"b"), Bytes::from_static(b"c")] {
            loop {
                match writer.try_write(&part) {
                    Ok(Room::Queued) => {
                        written += 1;
                        break;
                    }
                    Ok(Room::Full) => writer.wait_for_room(part.len(), SECOND),
                    Err(StreamClosed) => break,
                }
            }
        }
        assert!(written >= 1);
        client.join().expect("no panic");
        crew.stop();
    });
}

#[test]
fn a_stream_waits_for_its_permit() {
    explore(|| {
        let crew = crew(2);
        let mut first = crew.join();
        let mut second = crew.join();
        let permit = first.enter_stream(Instant::now() + SECOND).expect("a permit");
        let other = thread::spawn(move || {
            let permit = second.enter_stream(Instant::now() + SECOND).expect("the next permit");
            second.leave_stream(permit);
        });
        first.leave_stream(permit);
        other.join().expect("no panic");
        crew.stop();
    });
}
