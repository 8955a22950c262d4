//! Answers that come in parts.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use iodine_core::handoff::Room;

use crate::support::{Call, Gate, LIMIT, Site, eventually, head, status};

/// A site whose streaming body sends what the test tells it to, and ends with the test's end of the channel.
fn on_command(framed: bool) -> (Site, Sender<&'static str>) {
    let (commands, parts): (_, Receiver<&'static str>) = unbounded();
    let site = Site::serve(move |call| {
        if call.path() == "/quick" {
            return call.text("quick");
        }
        let run = |body: &crate::support::Body<'_>| {
            while let Ok(part) = body.unlocked(|| parts.recv_timeout(LIMIT)) {
                match part {
                    "abort" => return body.writer.abort(),
                    "lose" => return,
                    "finish" => return body.writer.finish(),
                    part => assert!(body.write(part.as_bytes()), "the client is gone"),
                }
            }
        };
        if framed {
            call.framed(head(200, &[("transfer-encoding", "chunked")]), run);
        } else {
            call.stream(status(200), run);
        }
    });
    (site, commands)
}

fn tell(commands: &Sender<&'static str>, command: &'static str) {
    commands.send(command).expect("a body that listens");
}

#[test]
fn every_part_arrives_before_the_next_is_written() {
    let (site, commands) = on_command(false);
    let mut client = site.connect();
    let response = client.ask("/").head();
    assert_eq!(response.field("transfer-encoding"), Some("chunked"));
    assert_eq!(response.field("content-length"), None);
    for part in ["one", "two", "three"] {
        tell(&commands, part);
        assert_eq!(client.chunk().as_deref(), Some(part.as_bytes()));
    }
    tell(&commands, "finish");
    assert_eq!(client.chunk(), None);
    assert_eq!(client.get("/quick").text(), "quick");
}

#[test]
fn an_empty_part_is_no_end() {
    let (site, commands) = on_command(false);
    let mut client = site.connect();
    client.ask("/").head();
    tell(&commands, "");
    tell(&commands, "part");
    assert_eq!(client.chunk().as_deref(), Some(&b"part"[..]));
    tell(&commands, "finish");
    assert_eq!(client.chunk(), None);
}

#[test]
fn a_stream_without_parts_is_an_empty_body() {
    let (site, commands) = on_command(false);
    tell(&commands, "finish");
    let mut client = site.connect();
    assert_eq!(client.get("/").text(), "");
    assert_eq!(client.get("/quick").text(), "quick");
}

#[test]
fn pipelined_requests_wait_for_the_end_of_a_stream() {
    let (site, commands) = on_command(false);
    let mut client = site.connect();
    client.ask("/").ask("/quick").head();
    tell(&commands, "part");
    assert_eq!(client.chunk().as_deref(), Some(&b"part"[..]));
    assert!(client.hears_nothing_for(Duration::from_millis(20)));
    tell(&commands, "finish");
    assert_eq!(client.chunk(), None);
    assert_eq!(client.response().text(), "quick");
}

/// What was written arrives, and then the connection ends where a chunk should begin.
fn assert_cut_by(command: &'static str, parts: &[&'static str]) {
    let (site, commands) = on_command(false);
    let mut client = site.connect();
    client.ask("/");
    for part in parts {
        tell(&commands, part);
    }
    tell(&commands, command);
    assert_eq!(client.head().status, 200);
    for part in parts {
        assert_eq!(client.chunk().as_deref(), Some(part.as_bytes()));
    }
    client.expect_end();
    assert_eq!(site.get("/quick").text(), "quick");
}

#[test]
fn an_aborted_stream_has_no_last_chunk() {
    assert_cut_by("abort", &["one", "two"]);
}

#[test]
fn a_stream_aborted_before_its_first_part_has_no_last_chunk() {
    assert_cut_by("abort", &[]);
}

#[test]
fn a_lost_stream_has_no_last_chunk() {
    assert_cut_by("lose", &["one"]);
}

fn declared(length: &'static str, parts: &'static [&'static str]) -> Site {
    Site::serve(move |call: &mut Call<'_>| {
        if call.path() == "/quick" {
            return call.text("quick");
        }
        call.stream(head(200, &[("content-length", length)]), |body| {
            for part in parts {
                body.write(part.as_bytes());
            }
            body.writer.finish();
        });
    })
}

#[test]
fn a_declared_length_replaces_chunks() {
    let site = declared("6", &["one", "two"]);
    let mut client = site.connect();
    let response = client.get("/");
    assert_eq!((response.field("content-length"), response.field("transfer-encoding")), (Some("6"), None));
    assert_eq!(response.text(), "onetwo");
    assert_eq!(client.get("/quick").text(), "quick");
}

#[test]
fn parts_beyond_the_declared_length_are_cut() {
    let site = declared("5", &["one", "two", "three"]);
    let mut client = site.connect();
    assert_eq!(client.get("/").text(), "onetw");
    assert_eq!(client.get("/quick").text(), "quick");
}

#[test]
fn a_stream_shorter_than_declared_ends_the_connection() {
    let site = declared("10", &["one", "two"]);
    let mut client = site.connect();
    assert_eq!(client.ask("/").head().field("content-length"), Some("10"));
    assert_eq!(client.rest(), b"onetwo");
}

#[test]
fn framed_parts_pass_untouched() {
    let (site, commands) = on_command(true);
    let mut client = site.connect();
    let response = client.ask("/").head();
    assert_eq!((response.field("transfer-encoding"), response.field("content-length")), (Some("chunked"), None));
    for part in ["3;mine\r\n", "abc\r\n", "0\r\n\r\n"] {
        tell(&commands, part);
        assert_eq!(client.take(part.len()), part.as_bytes());
    }
    tell(&commands, "finish");
    assert_eq!(client.get("/quick").text(), "quick");
}

#[test]
fn an_aborted_framed_stream_is_cut() {
    let (site, commands) = on_command(true);
    let mut client = site.connect();
    client.ask("/").head();
    tell(&commands, "3\r\nabc\r\n");
    tell(&commands, "abort");
    assert_eq!(client.rest(), b"3\r\nabc\r\n");
}

#[test]
fn a_writer_is_told_to_wait_and_then_goes_on() {
    let (waits, waited) = bounded(1);
    let site = Site::serve(move |call| {
        call.stream(status(200), |body| {
            let part = Bytes::from(vec![b'x'; 10_000]);
            for _ in 0..2000 {
                while body.writer.try_write(&part) == Ok(Room::Full) {
                    let _ = waits.try_send(());
                    body.unlocked(|| body.writer.wait_for_room(part.len(), LIMIT));
                }
            }
            body.writer.finish();
        });
    });
    let mut client = site.connect();
    client.ask("/");
    waited.recv_timeout(LIMIT).expect("a full buffer");
    assert_eq!(client.response().body.len(), 20_000_000);
}

#[test]
fn a_part_larger_than_the_buffer_passes() {
    let site = Site::serve(|call| {
        call.stream(status(200), |body| {
            for _ in 0..3 {
                assert!(body.write(&[b'x'; 300_000]));
            }
            body.writer.finish();
        });
    });
    assert_eq!(site.get("/").body.len(), 900_000);
}

/// A site whose streaming body waits, silently, until it is told that the client has gone.
fn patient() -> (Site, Arc<Gate>) {
    let noticed = Arc::new(Gate::default());
    let site = Site::serve({
        let noticed = noticed.clone();
        move |call| {
            call.stream(status(200), |body| {
                body.write(b"hello");
                body.unlocked(|| eventually("the writer sees that the client is gone", || body.writer.is_closed()));
                assert!(body.writer.is_deserted());
                noticed.open();
            });
        }
    });
    (site, noticed)
}

#[test]
fn a_reset_is_noticed_by_a_silent_stream() {
    let (site, noticed) = patient();
    let mut client = site.connect();
    client.ask("/").head();
    client.chunk();
    client.reset();
    noticed.wait();
}

#[test]
fn a_client_that_closes_ends_the_stream_at_its_next_parts() {
    let gone = Arc::new(Gate::default());
    let site = Site::serve({
        let gone = gone.clone();
        move |call| {
            call.stream(status(200), |body| {
                while body.write(b"tick") {
                    body.unlocked(|| std::thread::sleep(Duration::from_millis(1)));
                }
                gone.open();
            });
        }
    });
    let mut client = site.connect();
    client.ask("/").head();
    client.chunk();
    drop(client);
    gone.wait();
    eventually("the connection is gone", || site.server.stats().1 == 0);
}

#[test]
fn fifty_streams_are_complete_and_apart() {
    let site = Site::serve(|call| {
        let path = call.path().to_owned();
        call.stream(status(200), |body| {
            for number in 0..20 {
                body.write(format!("{path}:{number} ").as_bytes());
                body.unlocked(std::thread::yield_now);
            }
            body.writer.finish();
        });
    });
    let mut clients: Vec<_> = (0..50).map(|_| site.connect()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.ask(&format!("/{number}"));
    }
    for (number, client) in clients.iter_mut().enumerate() {
        let expected: String = (0..20).map(|part| format!("/{number}:{part} ")).collect();
        assert_eq!(client.response().text(), expected);
    }
}
