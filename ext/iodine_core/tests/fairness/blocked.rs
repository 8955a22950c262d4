//! While the application is away, clients are still looked after.

use std::sync::Arc;
use std::time::Duration;

use crate::alone;
use crate::support::{Gate, PATIENCE, Site, eventually, status, timed};

/// A site with so many threads. `/hold` keeps the interpreter until the gate opens, `/wait` waits for it without.
fn site(threads: usize) -> (Site, Arc<Gate>) {
    let gate = Arc::new(Gate::default());
    let site = Site::with(
        |settings| {
            settings.pool.max_threads = threads;
            settings.timeouts.first_data = Duration::from_millis(300);
        },
        {
            let gate = gate.clone();
            move |call| {
                match call.path() {
                    "/hold" => gate.wait(),
                    "/wait" => call.unlocked(|| gate.wait()),
                    _ => {}
                }
                let body = call.body();
                call.text(&format!("{} bytes", body.len()));
            }
        },
    );
    (site, gate)
}

/// One request at `path`, which is inside when this returns.
fn occupy(site: &Site, path: &str) -> crate::support::Client {
    let mut client = site.connect();
    let before = site.inside();
    client.ask(path);
    eventually("it is inside", || site.inside() == before + 1);
    client
}

#[test]
fn others_are_read_while_one_request_keeps_the_interpreter() {
    let _turn = alone();
    for path in ["/hold", "/wait"] {
        let (site, gate) = site(1);
        let mut first = occupy(&site, path);
        let mut clients: Vec<_> = (0..50).map(|_| site.connect()).collect();
        for client in &mut clients {
            client.post("/", [b'x'; 20_000]);
        }
        let ((), time) = timed(|| eventually("all were read", || site.stats().backlog == 50));
        assert!(time < Duration::from_secs(2) * PATIENCE, "{time:?}");
        gate.open();
        assert_eq!(first.response().status, 200);
        for client in &mut clients {
            assert_eq!(client.response().text(), "20000 bytes");
        }
    }
}

#[test]
fn bad_requests_are_refused_while_one_request_keeps_the_interpreter() {
    let _turn = alone();
    let (site, gate) = site(1);
    let _first = occupy(&site, "/hold");
    let (response, time) = timed(|| site.connect().send("BAD\r\n\r\n").response());
    assert_eq!(response.status, 400);
    assert!(time < Duration::from_secs(1) * PATIENCE, "{time:?}");
    gate.open();
}

#[test]
fn deadlines_pass_while_one_request_keeps_the_interpreter() {
    let _turn = alone();
    let (site, gate) = site(1);
    let _first = occupy(&site, "/hold");
    let mut slow = site.connect();
    let ((), time) = timed(|| slow.send("GET / HT").expect_end());
    assert!(time < Duration::from_secs(3) * PATIENCE, "{time:?}");
    gate.open();
}

#[test]
fn an_answer_does_not_wait_for_the_request_behind_it() {
    let _turn = alone();
    let (wait, hold) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
    let site = Site::with(|settings| settings.pool.max_threads = 1, {
        let (wait, hold) = (wait.clone(), hold.clone());
        move |call| {
            match call.path() {
                "/wait" => call.unlocked(|| wait.wait()),
                "/hold" => hold.wait(),
                _ => {}
            }
            call.text("ok");
        }
    });
    let mut first = occupy(&site, "/wait");
    // Both are there when the thread comes back: it may run them in one go, and the second keeps the interpreter.
    let (mut quick, mut slow) = (site.connect(), site.connect());
    quick.ask("/quick");
    eventually("one waits", || site.stats().backlog == 1);
    slow.ask("/hold");
    eventually("both wait", || site.stats().backlog == 2);
    wait.open();
    let (answers, time) = timed(|| [first.response().status, quick.response().status]);
    assert_eq!(answers, [200, 200]);
    assert!(time < Duration::from_secs(1) * PATIENCE, "{time:?}");
    hold.open();
    assert_eq!(slow.response().status, 200);
}

#[test]
fn a_large_answer_is_written_while_another_request_keeps_the_interpreter() {
    let _turn = alone();
    let gate = Arc::new(Gate::default());
    let site = Site::with(|settings| settings.pool.max_threads = 1, {
        let gate = gate.clone();
        move |call| {
            if call.path() == "/hold" {
                gate.wait();
                return call.text("held");
            }
            call.text(&"x".repeat(20_000_000));
        }
    });
    let mut large = site.connect();
    assert_eq!(large.ask("/large").head().status, 200);
    // Most of it is still with the server.
    let mut holder = site.connect();
    holder.ask("/hold");
    eventually("the interpreter is kept", || site.inside() == 1);
    let (body, time) = timed(|| large.take(20_000_000));
    assert_eq!(body.len(), 20_000_000);
    assert!(time < Duration::from_secs(4) * PATIENCE, "{time:?}");
    gate.open();
    assert_eq!(holder.response().text(), "held");
}

#[test]
fn a_stream_goes_on_while_another_request_waits() {
    let _turn = alone();
    let gate = Arc::new(Gate::default());
    let site = Site::with(|settings| settings.pool.max_threads = 1, {
        let gate = gate.clone();
        move |call| {
            if call.path() == "/wait" {
                call.unlocked(|| gate.wait());
                return call.text("waited");
            }
            call.stream(status(200), |body| {
                for _ in 0..100 {
                    body.write(b"tick");
                    body.unlocked(|| std::thread::sleep(Duration::from_millis(1)));
                }
                body.writer.finish();
            });
        }
    });
    let mut stream = site.connect();
    stream.ask("/").head();
    let mut waiting = site.connect();
    waiting.ask("/wait");
    eventually("it is inside", || site.inside() == 1);
    let (chunks, time) = timed(|| std::iter::from_fn(|| stream.chunk()).count());
    assert!(chunks > 0);
    assert!(time < Duration::from_secs(3) * PATIENCE, "{time:?}");
    gate.open();
    assert_eq!(waiting.response().text(), "waited");
}
