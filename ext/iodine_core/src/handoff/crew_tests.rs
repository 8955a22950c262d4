//! What only a race brings about from outside.

use std::sync::mpsc;

use super::*;
use crate::handoff::Wait;
use crate::handoff::fixtures::{self, request};

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
    fixtures::crew(settings)
}

/// Queues a request; the inbox keeps it wanted.
fn submit(crew: &Crew, path: &str, long: bool) -> Inbox {
    let mut request = request();
    request.parts.uri = path.parse().expect("a path");
    request.pace.note(long);
    crew.submit(request).expect("room")
}

/// The path of the next job, where there is one at once.
fn next(crew: &Crew) -> Option<String> {
    match crew.take()? {
        Job::Call(call) => Some(call.request.parts.uri.path().to_owned()),
        Job::Visit(_) => None,
    }
}

/// The same, as long as a turn may last.
fn next_in_time(crew: &Crew) -> String {
    let begun = Instant::now();
    loop {
        if let Some(path) = next(crew) {
            return path;
        }
        assert!(begun.elapsed() < LIMIT, "no job");
        thread::yield_now();
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
fn who_computed_for_long_lets_the_quick_ones_pass() {
    let crew = crew();
    let paths = [("/a", true), ("/b", true), ("/c", false), ("/d", false)];
    let _inboxes = paths.map(|(path, long)| submit(&crew, path, long));
    let order = std::array::from_fn::<_, 4, _>(|_| next_in_time(&crew));
    assert_eq!(order, ["/c", "/d", "/a", "/b"]);
    assert_eq!(next(&crew), None);
}

#[test]
fn quick_ones_do_not_keep_out_who_computes() {
    let crew = crew();
    let _long = submit(&crew, "/long", true);
    for _ in 0..1000 {
        let _quick = [submit(&crew, "/quick", false), submit(&crew, "/quick", false)];
        if [next(&crew), next(&crew)].contains(&Some("/long".to_owned())) {
            return;
        }
    }
    panic!("a thousand times it was not its turn");
}

#[test]
fn a_long_job_waits_for_those_who_may_ask_again_but_not_for_nobody() {
    let crew = crew();
    let _inboxes = ["/a", "/b"].map(|path| submit(&crew, path, true));
    assert_eq!([next(&crew), next(&crew)], [Some("/a".to_owned()), Some("/b".to_owned())]);
    let _quick = submit(&crew, "/quick", false);
    let _long = submit(&crew, "/long", true);
    assert_eq!(next(&crew), Some("/quick".to_owned()));
    assert_eq!(next(&crew), None);
    assert!(crew.has_jobs());
    assert_eq!(next_in_time(&crew), "/long");
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
            let _inbox = crew.submit(request()).expect("room");
            let waited = taken.recv_timeout(LIMIT).expect("a thread that takes it") - submitted;
            assert!(waited < OVERDUE / 2, "{waited:?}");
        }
    });
}

#[test]
fn a_rest_comes_after_a_job_when_nobody_runs_and_no_job_is_taken_meanwhile() {
    let crew = crew();
    let (mut worker, mut other) = (crew.join(), crew.join());
    assert!(!worker.begin_rest(), "there was no job");
    let _first = crew.submit(request()).expect("room");
    assert!(!worker.begin_rest(), "a job waits");
    let job = worker.take();
    assert!(job.is_some() && !other.begin_rest(), "a job runs");
    assert!(worker.begin_rest() && crew.is_busy());
    assert!(!other.begin_rest(), "there is one already");
    let _second = crew.submit(request()).expect("room");
    assert!(other.take().is_none() && !crew.has_jobs());
    worker.end_rest();
    assert!(crew.has_jobs() && other.take().is_some());
    drop(job);
    crew.stop();
}
