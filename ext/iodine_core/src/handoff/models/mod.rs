//! Models of the hand-off (`rake models`): the real code, in orders of steps that a scheduler chooses. A thread that nobody
//! wakes is a deadlock, which shuttle reports with the schedule that led there.

mod driving;
mod mailboxes;
mod pool;
mod requests;
mod stopping;
mod streams;

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
use crate::sync::{Instant, Mutex};

const SECOND: Duration = Duration::from_secs(1);

/// Orders that are tried of each model. `MODEL_ORDERS` changes that.
fn orders() -> usize {
    std::env::var("MODEL_ORDERS").ok().and_then(|number| number.parse().ok()).unwrap_or(2_000)
}

/// Tries orders at random, and those that few changes of the running thread lead to.
fn explore(model: impl Fn() + Send + Sync + 'static) {
    explore_orders(orders(), model);
}

fn explore_orders(orders: usize, model: impl Fn() + Send + Sync + 'static) {
    let model = Arc::new(model);
    let run = || {
        let model = model.clone();
        move || model()
    };
    shuttle::check_random(run(), orders);
    (1..=3).for_each(|changes| shuttle::check_pct(run(), orders, changes));
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
                return *reply;
            }
        }
    })
}

/// Lets the others run, for up to so many steps.
fn linger(most: usize) {
    let steps = shuttle::rand::Rng::gen_range(&mut shuttle::rand::thread_rng(), 0..most);
    (0..steps).for_each(|_| thread::yield_now());
}

fn answer(_: &Arc<Crew>, job: Job) {
    if let Job::Call(call) = job {
        call.ticket.answer(reply());
    }
}
