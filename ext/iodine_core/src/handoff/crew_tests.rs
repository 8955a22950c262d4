//! What only a race brings about from outside.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;

use super::*;
use crate::handoff::{Peer, RequestBody, Wait};

const LIMIT: Duration = Duration::from_secs(10);

fn crew() -> Arc<Crew> {
    let second = Duration::from_secs(1);
    let settings = Pool {
        min_threads: 0,
        max_threads: 2,
        thread_idle_timeout: LIMIT,
        max_streams: 1,
        stream_wait_timeout: second,
        max_queue: 10,
        queue_timeout: second,
    };
    Crew::new(settings, Arc::new(Reactor::new().expect("a runtime")))
}

fn request() -> Request {
    Request {
        parts: http::Request::new(()).into_parts().0,
        raw_target: None,
        body: RequestBody::Empty,
        body_wait: Duration::ZERO,
        complete: Instant::now(),
        queue_time: Duration::ZERO,
        peer: Peer::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 1))),
        upgrade: None,
    }
}

fn await_parked(crew: &Crew, threads: usize) {
    let begun = Instant::now();
    while crew.lock().parked.len() != threads {
        assert!(begun.elapsed() < LIMIT, "not {threads} parked");
        thread::yield_now();
    }
}

struct StopAtEnd<'a>(&'a Crew);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

#[test]
fn a_thread_that_was_called_in_vain_does_not_hold_up_the_next_job() {
    let crew = crew();
    let (took, taken) = mpsc::channel();
    thread::scope(|scope| {
        let _end = StopAtEnd(&crew);
        for _ in 0..2 {
            let (crew, took) = (crew.clone(), took.clone());
            scope.spawn(move || {
                let mut worker = crew.join();
                while worker.wait() != Wait::Retire {
                    if let Some(Job::Call(call)) = worker.take() {
                        call.ticket.leave_open();
                        let _ = took.send(Instant::now());
                    }
                }
            });
        }
        for _ in 0..20 {
            // One drives, the other is called as if its job had been taken by a third one meanwhile, and parks again.
            await_parked(&crew, 1);
            crew.call_runner();
            await_parked(&crew, 1);
            let submitted = Instant::now();
            let _inbox = crew.submit(Box::new(request())).expect("room");
            let waited = taken.recv_timeout(LIMIT).expect("a thread that takes it") - submitted;
            assert!(waited < OVERDUE / 2, "{waited:?}");
        }
    });
}
