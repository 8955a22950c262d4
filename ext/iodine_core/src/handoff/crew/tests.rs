//! What only a race brings about from outside.

use std::sync::mpsc;

use super::followers::OVERDUE;
use super::*;
use crate::handoff::Wait;
use crate::handoff::fixtures::{self, request};
use crate::settings::Lock;
use crate::sync::thread;

const LIMIT: Duration = Duration::from_secs(10);

fn crew() -> Arc<Crew> {
    crew_with(|_| {})
}

fn crew_with(change: impl FnOnce(&mut Pool)) -> Arc<Crew> {
    let second = Duration::from_secs(1);
    let mut settings = Pool {
        min_threads: 0,
        max_threads: 2,
        thread_idle_timeout: LIMIT,
        max_streams: 1,
        stream_wait_timeout: second,
        max_queue: 10,
        queue_timeout: second,
        time_slice: Duration::ZERO,
        lock: Lock::default(),
    };
    change(&mut settings);
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
    let order = std::array::from_fn::<_, 4, _>(|_| next(&crew).expect("a job"));
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

/// Whether the lock of the tests below is lent, and how often one was asked for it.
static LENT: AtomicBool = AtomicBool::new(false);
static ASKED: AtomicUsize = AtomicUsize::new(0);

fn count_asking() {
    ASKED.fetch_add(1, Ordering::SeqCst);
}

#[test]
fn a_lent_lock_is_for_quick_jobs_while_a_long_one_runs() {
    let lock = Lock { is_lent: || LENT.load(Ordering::SeqCst), ..Lock::default() };
    let crew = crew_with(|settings| settings.lock = lock);
    let mut computing = crew.join();
    let _inboxes = ["/first", "/long"].map(|path| submit(&crew, path, true));
    LENT.store(true, Ordering::SeqCst);
    assert!(computing.take().is_some(), "it may have been lent by a thread of the app that never ends");
    let _inbox = submit(&crew, "/quick", false);
    assert_eq!([next(&crew), next(&crew)], [Some("/quick".to_owned()), None]);
    assert!(crew.has_jobs());
    drop(computing);
    assert_eq!(next(&crew).as_deref(), Some("/long"));
    LENT.store(false, Ordering::SeqCst);
}

#[test]
fn a_lock_that_is_not_lent_is_for_all_jobs() {
    let crew = crew();
    let mut workers = [crew.join(), crew.join()];
    let _inboxes = ["/first", "/long"].map(|path| submit(&crew, path, true));
    assert!(workers.iter_mut().all(|worker| worker.take().is_some()));
}

#[test]
fn who_computes_is_asked_to_let_a_quick_job_by_after_its_slice() {
    let lock = Lock { lend: count_asking, ..Lock::default() };
    let crew = crew_with(|settings| (settings.time_slice, settings.lock) = (STALE * 5, lock));
    let mut computing = crew.join();
    thread::scope(|scope| {
        let _end = StopAtEnd(&crew);
        scope.spawn(|| crew.stand_in());
        let _first = submit(&crew, "/long", true);
        assert!(computing.take().is_some());
        let begun = Instant::now();
        let _second = submit(&crew, "/quick", false);
        while ASKED.load(Ordering::SeqCst) == 0 {
            assert!(begun.elapsed() < LIMIT, "nobody asks");
            thread::yield_now();
        }
        // The clock of the crew counts microseconds.
        assert!(begun.elapsed() + STALE > STALE * 5, "{:?}", begun.elapsed());
    });
}

#[test]
fn nobody_is_asked_for_a_long_job_nor_where_no_thread_could_take_it_nor_without_a_slice() {
    let crew = crew_with(|settings| (settings.time_slice, settings.max_threads) = (Duration::from_nanos(1), 1));
    let _long = submit(&crew, "/long", true);
    assert!(!crew.is_overdue());
    let _quick = submit(&crew, "/quick", false);
    assert!(crew.is_overdue());
    crew.start_running();
    assert!(!crew.is_overdue());
    crew.resize(0, 2);
    assert!(crew.is_overdue());
    let crew = crew_with(|settings| settings.time_slice = Duration::ZERO);
    let _quick = submit(&crew, "/quick", false);
    assert!(!crew.is_overdue());
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
