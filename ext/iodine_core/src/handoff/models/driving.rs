//! Somebody drives the sockets whenever somebody needs it.

use shuttle::thread::ThreadId;

use super::*;

/// Who drives.
fn driver(crew: &Crew) -> ThreadId {
    let (tell, told) = shuttle::sync::mpsc::channel();
    crew.run_errand(move || tell.send(thread::current().id()).expect("somebody waits"));
    told.recv().expect("an errand that is run")
}

#[test]
fn sockets_are_driven_while_all_threads_stay_in_the_app() {
    explore(|| {
        // Waits for what only a driving thread does.
        let run = |crew: &Arc<Crew>, job| {
            driver(crew);
            answer(crew, job);
        };
        server(1, run, |crew| {
            for _ in 0..2 {
                // Long enough for the stand-in to sleep, or nearly so.
                linger(40);
                assert!(matches!(ask(crew), Reply::Full(..)));
            }
        });
    });
}

#[test]
fn a_stand_in_that_falls_asleep_hears_of_a_leader_that_leaves() {
    // The moment is short, the model small: one in about 20,000 orders has it.
    explore_orders(10 * orders(), || {
        let crew = crew(1);
        let driving = crew.reactor.try_drive().expect("nobody else drives");
        let (stand_in, client) = (crew.clone(), crew.clone());
        let stand_in = thread::spawn(move || stand_in.stand_in());
        let arrived = Arc::new(AtomicBool::new(false));
        let seen = arrived.clone();
        let client = thread::spawn(move || {
            // About as long as the stand-in watches: it should be falling asleep.
            linger(12);
            arrived.store(true, Ordering::SeqCst);
            client.reactor.nudge();
        });
        driving.run(|| if seen.load(Ordering::SeqCst) { Turn::Leave } else { Turn::Sleep });
        drop(driving);
        // The leader stays in the app now, and waits there for what only a driving thread does.
        driver(&crew);
        crew.stop();
        stand_in.join().expect("no panic");
        client.join().expect("no panic");
    });
}

#[test]
fn an_idle_thread_takes_over_from_the_stand_in() {
    explore(|| {
        let worker = Arc::new(Mutex::new(None));
        let seen = worker.clone();
        let run = move |crew: &Arc<Crew>, job| {
            *seen.lock().expect("no panic") = Some(thread::current().id());
            driver(crew);
            answer(crew, job);
        };
        server(1, run, |crew| {
            ask(crew);
            let worker = worker.lock().expect("no panic").take();
            while Some(driver(crew)) != worker {
                thread::yield_now();
            }
        });
    });
}
