//! The end of a server: what is under way is finished, nothing new begins.

use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use iodine_core::handoff::{FileBody, Reply};

use crate::support::{Body, Call, Gate, LIMIT, Site, eventually, head, payload, status, timed};

#[test]
fn a_server_without_connections_is_drained_at_once() {
    let (site, _) = Site::gated(|_| {});
    site.server.drain();
    let (drained, time) = timed(|| site.server.await_drained(None));
    assert!(drained && time < Duration::from_secs(2), "{time:?}");
}

#[test]
fn idle_connections_are_closed() {
    let (site, _) = Site::gated(|_| {});
    let mut fresh = site.connect();
    let mut used = site.connect();
    assert_eq!(used.get("/quick").text(), "quick");
    eventually("both are there", || site.server.stats().1 == 2);
    site.server.drain();
    fresh.expect_fin();
    used.expect_fin();
    assert!(site.server.await_drained(Some(LIMIT)));
}

#[test]
fn a_request_that_was_on_its_way_is_answered() {
    let (site, _) = Site::gated(|_| {});
    let mut fresh = site.connect();
    let mut used = site.connect();
    assert_eq!(used.get("/quick").text(), "quick");
    eventually("both are there", || site.server.stats().1 == 2);
    site.server.drain();
    for client in [&mut fresh, &mut used] {
        let response = client.get("/quick");
        assert_eq!((response.text().as_str(), response.closes()), ("quick", true));
        client.expect_fin();
    }
    assert!(site.server.await_drained(Some(LIMIT)));
}

#[test]
fn a_request_in_flight_is_finished_and_its_connection_closed() {
    let (site, gate) = Site::gated(|_| {});
    let mut client = site.connect();
    client.ask("/");
    eventually("it is inside", || site.inside() == 1);
    site.server.drain();
    assert!(!site.server.await_drained(Some(Duration::from_millis(20))));
    gate.open();
    let response = client.response();
    assert_eq!((response.text().as_str(), response.closes()), ("done", true));
    client.expect_fin();
    assert!(site.server.await_drained(Some(LIMIT)));
}

#[test]
fn a_request_in_the_queue_is_finished() {
    let (site, gate) = Site::gated(|settings| settings.pool.max_threads = 1);
    let mut clients: Vec<_> = (0..5).map(|_| site.connect()).collect();
    for client in &mut clients {
        client.ask("/");
    }
    eventually("four wait", || site.stats().backlog == 4);
    site.server.drain();
    gate.open();
    for client in &mut clients {
        assert_eq!(client.response().text(), "done");
        client.expect_fin();
    }
    assert!(site.server.await_drained(Some(LIMIT)));
}

#[test]
fn a_body_on_its_way_is_awaited() {
    let (site, _) = Site::gated(|_| {});
    let mut client = site.connect();
    client.send("POST /quick HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell");
    eventually("it is there", || site.server.stats().1 == 1);
    // The head has been read when the server is told: the connection would be closed otherwise.
    assert!(client.hears_nothing_for(Duration::from_millis(30)));
    site.server.drain();
    assert!(client.hears_nothing_for(Duration::from_millis(30)));
    let response = client.send("o").response();
    assert_eq!((response.text().as_str(), response.closes()), ("quick", true));
    client.expect_fin();
}

#[test]
fn pipelined_requests_behind_the_last_answer_are_not_served() {
    let (site, gate) = Site::gated(|_| {});
    let mut client = site.connect();
    client.ask("/").ask("/quick").ask("/quick");
    eventually("the first is inside", || site.inside() == 1);
    site.server.drain();
    gate.open();
    assert!(client.response().closes());
    client.expect_end();
    assert_eq!(site.stats().requests, 1);
}

#[test]
fn a_stream_is_finished() {
    let gate = Arc::new(Gate::default());
    let site = Site::serve({
        let gate = gate.clone();
        move |call| {
            call.stream(status(200), |body| {
                body.write(b"one");
                body.unlocked(|| gate.wait());
                body.write(b"two");
                body.writer.finish();
            });
        }
    });
    let mut client = site.connect();
    client.ask("/").head();
    assert_eq!(client.chunk().as_deref(), Some(&b"one"[..]));
    site.server.drain();
    assert!(!site.server.await_drained(Some(Duration::from_millis(20))));
    gate.open();
    assert_eq!(client.chunk().as_deref(), Some(&b"two"[..]));
    assert_eq!(client.chunk(), None);
    client.expect_fin();
    assert!(site.server.await_drained(Some(LIMIT)));
}

#[test]
fn a_stream_that_does_not_end_is_cut_off() {
    for framed in [false, true] {
        let site = Site::with(
            |settings| settings.timeouts.stream_shutdown = Duration::from_millis(100),
            move |call: &mut Call<'_>| {
                let endless = |body: &Body<'_>| {
                    while body.write(b"1\r\nx\r\n") {
                        body.unlocked(|| thread::sleep(Duration::from_millis(5)));
                    }
                };
                match framed {
                    true => call.framed(head(200, &[("transfer-encoding", "chunked")]), endless),
                    false => call.stream(status(200), endless),
                }
            },
        );
        let mut client = site.connect();
        client.ask("/").head();
        assert!(!site.server.await_drained(Some(Duration::from_millis(300))), "it has no limit before the end");
        site.server.drain();
        assert!(!client.rest().ends_with(b"0\r\n\r\n"));
        assert!(site.server.await_drained(Some(LIMIT)));
    }
}

#[test]
fn a_request_that_is_left_open_is_awaited_no_longer_than_a_stream() {
    for request in ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"] {
        let site = Site::with(
            |settings| settings.timeouts.stream_shutdown = Duration::from_millis(100),
            |call| call.ticket().leave_open(),
        );
        let mut client = site.connect();
        client.send(request);
        eventually("it is left open", || site.stats().requests == 1);
        assert!(client.hears_nothing_for(Duration::from_millis(300)), "it has no limit before the end");
        site.server.drain();
        assert!(site.server.await_drained(Some(LIMIT)));
        client.expect_end();
    }
}

#[test]
fn connections_that_wait_in_the_kernel_are_taken_where_that_is_wanted() {
    let (site, gate) = Site::gated(|settings| {
        settings.cluster = true;
        settings.drain_on_shutdown = true;
        settings.pool.max_threads = 1;
    });
    let mut first = site.connect();
    first.ask("/");
    eventually("it is inside", || site.inside() == 1);
    // All threads are busy: the connection is left to others, which are not there.
    let mut waiting = site.connect();
    waiting.ask("/");
    assert!(waiting.hears_nothing_for(Duration::from_millis(50)) && site.server.stats().1 == 1);
    site.server.drain();
    eventually("it is taken", || site.server.stats().1 == 2);
    gate.open();
    for client in [&mut first, &mut waiting] {
        assert_eq!(client.response().text(), "done");
    }
    assert!(site.server.await_drained(Some(LIMIT)));
}

#[test]
fn all_connections_that_wait_in_the_kernel_are_taken_however_many() {
    let (site, gate) = Site::gated(|settings| {
        settings.cluster = true;
        settings.drain_on_shutdown = true;
        settings.pool.max_threads = 1;
        settings.pool.max_queue = 1000;
    });
    let mut first = site.connect();
    first.ask("/");
    eventually("it is inside", || site.inside() == 1);
    // More than tokio lets one task accept in a row.
    let mut waiting: Vec<_> = (0..300).map(|_| site.connect()).collect();
    for client in &mut waiting {
        client.ask("/");
    }
    site.server.drain();
    gate.open();
    for client in &mut waiting {
        assert_eq!(client.response().text(), "done");
    }
}

#[test]
fn a_file_and_a_framed_stream_are_finished_and_their_connections_closed() {
    let gate = Arc::new(Gate::default());
    let site = Site::serve({
        let gate = gate.clone();
        move |call| {
            if call.path() == "/framed" {
                return call.framed(head(200, &[("transfer-encoding", "chunked")]), |body| {
                    body.unlocked(|| gate.wait());
                    body.write(b"3\r\nabc\r\n0\r\n\r\n");
                    body.writer.finish();
                });
            }
            call.unlocked(|| gate.wait());
            let file = tempfile::tempfile().expect("a file");
            file.set_len(3_000_000).expect("a long file");
            call.answer(Reply::File(status(200), FileBody::whole(file, 3_000_000)));
        }
    });
    let (mut file, mut framed) = (site.connect(), site.connect());
    file.ask("/file");
    framed.ask("/framed").head();
    eventually("the other is inside", || site.inside() == 1);
    site.server.drain();
    gate.open();
    assert_eq!(file.response().body.len(), 3_000_000);
    file.expect_fin();
    assert_eq!(framed.take(13), b"3\r\nabc\r\n0\r\n\r\n");
    framed.expect_fin();
    assert!(site.server.await_drained(Some(LIMIT)));
}

#[test]
fn a_draining_server_accepts_nobody() {
    let (site, gate) = Site::gated(|_| {});
    let mut client = site.connect();
    client.ask("/");
    eventually("it is inside", || site.inside() == 1);
    site.server.drain();
    eventually("the port is closed", || TcpStream::connect_timeout(&site.address, LIMIT).is_err());
    gate.open();
    assert_eq!(client.response().text(), "done");
}

#[test]
fn waiting_for_the_end_has_a_limit() {
    let (site, gate) = Site::gated(|_| {});
    let mut client = site.connect();
    client.ask("/");
    eventually("it is inside", || site.inside() == 1);
    site.server.drain();
    let (drained, time) = timed(|| site.server.await_drained(Some(Duration::from_millis(100))));
    assert!(!drained && time >= Duration::from_millis(100) && time < Duration::from_secs(3), "{time:?}");
    gate.open();
}

#[test]
fn waiting_for_the_end_can_be_interrupted() {
    let (site, gate) = Site::gated(|_| {});
    let mut client = site.connect();
    client.ask("/");
    eventually("it is inside", || site.inside() == 1);
    site.server.drain();
    let waiting = {
        let server = site.server.clone();
        thread::spawn(move || timed(|| server.await_drained(None)))
    };
    site.server.interrupt_wait();
    let (drained, time) = waiting.join().expect("an end of waiting");
    assert!(!drained && time < Duration::from_secs(3), "{time:?}");
    gate.open();
}

#[test]
fn halting_cuts_what_is_under_way() {
    let (site, gate) = Site::gated(|_| {});
    let (mut busy, mut idle) = (site.connect(), site.connect());
    busy.ask("/");
    eventually("it is inside", || site.inside() == 1);
    eventually("the other is there", || site.server.stats().1 == 2);
    let ((), time) = timed(|| site.server.halt());
    assert!(time < Duration::from_secs(2), "{time:?}");
    busy.expect_end();
    idle.expect_end();
    assert!(TcpStream::connect_timeout(&site.address, LIMIT).is_err());
    gate.open();
}

#[test]
fn halting_twice_is_halting_once() {
    let (site, _) = Site::gated(|_| {});
    assert_eq!(site.get("/quick").text(), "quick");
    site.server.halt();
    site.server.halt();
    assert!(site.crew().is_stopped());
    assert!(!site.crew().await_vacancy());
}

#[test]
fn threads_go_home_when_the_server_halts() {
    let (site, _) = Site::gated(|_| {});
    let clients: Vec<_> = (0..10).map(|_| site.get("/quick").status).collect();
    assert_eq!(clients, [200; 10]);
    assert!(site.stats().threads > 0);
    site.server.halt();
    eventually("every thread has gone", || site.stats().threads == 0);
}

#[test]
fn an_answer_behind_the_halt_harms_nobody() {
    let gate = Arc::new(Gate::default());
    let site = Site::serve({
        let gate = gate.clone();
        move |call| {
            call.unlocked(|| gate.wait());
            call.answer(Reply::Full(status(200), payload(&["too late"])));
        }
    });
    let mut client = site.connect();
    client.ask("/");
    eventually("it is inside", || site.inside() == 1);
    site.server.halt();
    gate.open();
    client.expect_end();
    eventually("the thread has gone", || site.stats().threads == 0);
}

#[test]
fn a_stream_that_begins_behind_the_halt_finds_its_client_gone() {
    let (gate, ended) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
    let site = Site::serve({
        let (gate, ended) = (gate.clone(), ended.clone());
        move |call| {
            call.unlocked(|| gate.wait());
            call.stream(status(200), |body| {
                body.unlocked(|| eventually("the writer sees that the client is gone", || body.writer.is_closed()));
                ended.open();
            });
        }
    });
    let mut client = site.connect();
    client.ask("/");
    eventually("it is inside", || site.inside() == 1);
    site.server.halt();
    client.expect_end();
    gate.open();
    ended.wait();
}
