//! Models of the hand-off (`rake models`): the real code, in orders of steps that a scheduler chooses. A thread that nobody
//! wakes is a deadlock, which shuttle reports with the schedule that led there.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use shuttle::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use shuttle::thread;

use super::fixtures::request;
use super::*;
use crate::reactor::Turn;
use crate::settings::{Lock, Pool};
use crate::sync::Instant;

const SECOND: Duration = Duration::from_secs(1);

/// Orders that are tried of each model. `MODEL_ORDERS` changes that.
fn orders() -> usize {
    std::env::var("MODEL_ORDERS").ok().and_then(|number| number.parse().ok()).unwrap_or(2_000)
}

/// Tries orders at random, and those that few changes of the running thread lead to.
fn explore(model: impl Fn() + Send + Sync + 'static) {
    let model = Arc::new(model);
    let run = || {
        let model = model.clone();
        move || model()
    };
    shuttle::check_random(run(), orders());
    (1..=3).for_each(|changes| shuttle::check_pct(run(), orders(), changes));
}

fn crew(max_threads: usize) -> Arc<Crew> {
    let settings = Pool {
        min_threads: max_threads,
        max_threads,
        thread_idle_timeout: SECOND * 30,
        max_streams: 1,
        stream_wait_timeout: SECOND,
        max_queue: 10,
        queue_timeout: SECOND,
        time_slice: Duration::ZERO,
        lock: Lock::default(),
    };
    fixtures::crew(settings)
}

fn reply() -> Reply {
    Reply::Full(ResponseHead { status: StatusCode::OK, headers: HeaderMap::new() }, Payload::default())
}

/// What an application's thread does: waits, takes, runs.
fn serve(crew: &Arc<Crew>, run: impl Fn(&Arc<Crew>, Job)) {
    let mut worker = crew.join();
    while worker.wait() != Wait::Retire {
        while let Some(job) = worker.take() {
            run(crew, job);
        }
    }
}

/// A server without sockets: workers, the stand-in, and what the model does with them. Ends when the model does; every
/// thread has to come home.
fn server(threads: usize, run: impl Fn(&Arc<Crew>, Job) + Send + Sync + 'static, model: impl FnOnce(&Arc<Crew>)) {
    let (crew, run) = (crew(threads), Arc::new(run));
    let mut staff: Vec<_> = (0..threads)
        .map(|_| {
            let (crew, run) = (crew.clone(), run.clone());
            thread::spawn(move || serve(&crew, |crew, job| run(crew, job)))
        })
        .collect();
    let stand_in = crew.clone();
    staff.push(thread::spawn(move || stand_in.stand_in()));
    model(&crew);
    crew.stop();
    for thread in staff {
        thread.join().expect("no panic");
    }
    crew.reactor.shut_down();
    crew.close();
}

/// Asks as a connection does, and waits for the answer.
fn ask(crew: &Crew) -> Reply {
    let mut inbox = crew.submit(request()).expect("room");
    shuttle::future::block_on(async {
        loop {
            if let Delivery::Final(reply) = inbox.next().await {
                return reply;
            }
        }
    })
}

fn answer(_: &Arc<Crew>, job: Job) {
    if let Job::Call(call) = job {
        call.ticket.answer(reply());
    }
}

#[test]
fn a_request_from_outside_wakes_somebody() {
    explore(|| server(1, answer, |crew| assert!(matches!(ask(crew), Reply::Full(..)))));
}

#[test]
fn one_request_after_another_finds_a_thread() {
    explore(|| {
        server(2, answer, |crew| {
            for _ in 0..3 {
                assert!(matches!(ask(crew), Reply::Full(..)));
            }
        });
    });
}

#[test]
fn requests_of_several_connections_are_answered_once_each() {
    explore(|| {
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = runs.clone();
        let run = move |crew: &Arc<Crew>, job| {
            counted.fetch_add(1, Ordering::SeqCst);
            answer(crew, job);
        };
        server(2, run, |crew| {
            let clients: Vec<_> = (0..2)
                .map(|_| {
                    let crew = crew.clone();
                    thread::spawn(move || assert!(matches!(ask(&crew), Reply::Full(..))))
                })
                .collect();
            for client in clients {
                client.join().expect("an answer");
            }
        });
        assert_eq!(runs.load(Ordering::SeqCst), 2);
    });
}

#[test]
fn a_ticket_that_is_dropped_or_answered_twice_gives_one_answer() {
    explore(|| {
        let run = |_: &Arc<Crew>, job| {
            if let Job::Call(call) = job {
                let handle = call.ticket.handle();
                let hijack = thread::spawn(move || handle.answer_now(Reply::Abort));
                drop(call.ticket);
                hijack.join().expect("no panic");
            }
        };
        server(1, run, |crew| assert!(matches!(ask(crew), Reply::Abort | Reply::Lost)));
    });
}

#[test]
fn sockets_are_driven_while_all_threads_stay_in_the_app() {
    explore(|| {
        // Waits for what only a driving thread does.
        let run = |crew: &Arc<Crew>, job| {
            let (tell, told) = shuttle::sync::mpsc::channel();
            crew.run_errand(move || tell.send(()).expect("somebody waits"));
            told.recv().expect("an errand that is run");
            answer(crew, job);
        };
        server(1, run, |crew| {
            for _ in 0..2 {
                // Long enough for the stand-in to sleep, or nearly so.
                (0..shuttle::rand::Rng::gen_range(&mut shuttle::rand::thread_rng(), 0..40))
                    .for_each(|_| thread::yield_now());
                assert!(matches!(ask(crew), Reply::Full(..)));
            }
        });
    });
}

#[test]
fn a_stand_in_that_falls_asleep_hears_of_a_leader_that_leaves() {
    explore(|| {
        let crew = crew(1);
        let driving = crew.reactor.try_drive().expect("nobody else drives");
        let (stand_in, client) = (crew.clone(), crew.clone());
        let stand_in = thread::spawn(move || stand_in.stand_in());
        let arrived = Arc::new(AtomicBool::new(false));
        let seen = arrived.clone();
        let client = thread::spawn(move || {
            // About as long as the stand-in watches: it should be falling asleep.
            (0..shuttle::rand::Rng::gen_range(&mut shuttle::rand::thread_rng(), 0..12))
                .for_each(|_| thread::yield_now());
            arrived.store(true, Ordering::SeqCst);
            client.reactor.nudge();
        });
        driving.run(|| if seen.load(Ordering::SeqCst) { Turn::Leave } else { Turn::Sleep });
        drop(driving);
        // The leader stays in the app now, and waits there for what only a driving thread does.
        let (tell, told) = shuttle::sync::mpsc::channel();
        crew.run_errand(move || tell.send(()).expect("somebody waits"));
        told.recv().expect("an errand that is run");
        crew.stop();
        stand_in.join().expect("no panic");
        client.join().expect("no panic");
    });
}

#[test]
fn stopping_leaves_no_request_behind() {
    /// Tells when the request is gone.
    struct Told(Arc<AtomicUsize>);

    impl AsRef<[u8]> for Told {
        fn as_ref(&self) -> &[u8] {
            b"/"
        }
    }

    impl Drop for Told {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    explore(|| {
        let gone = Arc::new(AtomicUsize::new(0));
        let ended = gone.clone();
        server(1, answer, move |crew| {
            let late = crew.clone();
            let submit = |crew: &Crew, told| {
                let _ =
                    crew.submit(Box::new(Request { raw_target: Some(Bytes::from_owner(Told(told))), ..*request() }));
            };
            submit(crew, gone.clone());
            // May come after the end.
            thread::spawn(move || submit(&late, gone));
        });
        while ended.load(Ordering::SeqCst) < 2 {
            thread::yield_now();
        }
    });
}

#[test]
fn stopping_sends_everybody_home() {
    explore(|| server(2, answer, |_| {}));
}

#[test]
fn callbacks_of_one_mailbox_never_overlap_and_none_is_lost() {
    explore(|| {
        let (inside, seen) = (AtomicBool::new(false), Arc::new(AtomicUsize::new(0)));
        let counted = seen.clone();
        let run = move |_: &Arc<Crew>, job| {
            let Job::Visit(mut visit) = job else { return };
            assert!(!inside.swap(true, Ordering::SeqCst), "two threads at one mailbox");
            // One event a visit: what is left has to bring another one.
            if visit.take().is_some() {
                counted.fetch_add(1, Ordering::SeqCst);
            }
            inside.store(false, Ordering::SeqCst);
        };
        server(2, run, |crew| {
            let mailbox = Mailbox::new(crew.clone(), 10);
            let other = mailbox.clone();
            let poster = thread::spawn(move || other.post(Event::Deferred));
            mailbox.post(Event::Open);
            mailbox.post(Event::Close);
            poster.join().expect("no panic");
            while seen.load(Ordering::SeqCst) < 3 {
                thread::yield_now();
            }
        });
    });
}

#[test]
fn a_reader_of_messages_is_woken_when_there_is_room() {
    explore(|| {
        let run = |_: &Arc<Crew>, job| {
            if let Job::Visit(mut visit) = job {
                while visit.take().is_some() {}
            }
        };
        server(1, run, |crew| {
            let mailbox = Mailbox::new(crew.clone(), 10);
            for _ in 0..20 {
                shuttle::future::block_on(std::future::poll_fn(|cx| mailbox.poll_room(cx)));
                mailbox.post(Event::Text(Bytes::new()));
            }
        });
    });
}

#[test]
fn a_connection_waits_for_a_free_thread_no_longer_than_there_is_none() {
    explore(|| {
        server(1, answer, |crew| {
            let inbox = crew.submit(request()).expect("room");
            shuttle::future::block_on(crew.free_thread());
            drop(inbox);
        });
    });
}

#[test]
fn an_interrupt_makes_a_wait_return() {
    explore(|| {
        let crew = crew(1);
        let mut worker = crew.join();
        let interrupt = worker.interrupter();
        let interrupter = thread::spawn(move || interrupt.interrupt());
        assert_eq!(worker.wait(), Wait::Interrupted);
        interrupter.join().expect("no panic");
        crew.stop();
    });
}

#[test]
fn a_lost_thread_is_asked_for_again() {
    explore(|| {
        let crew = crew(1);
        let supervisor = {
            let crew = crew.clone();
            thread::spawn(move || crew.await_vacancy())
        };
        drop(crew.join());
        assert!(supervisor.join().expect("no panic"), "a vacancy");
        crew.stop();
    });
}

#[test]
fn a_supervisor_that_waits_learns_of_the_end() {
    explore(|| {
        let crew = crew(0);
        let supervisor = {
            let crew = crew.clone();
            thread::spawn(move || crew.await_vacancy())
        };
        crew.stop();
        assert!(!supervisor.join().expect("no panic"));
    });
}

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
