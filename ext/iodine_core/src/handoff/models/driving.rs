//! Somebody drives the sockets whenever somebody needs it.

use super::*;

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
