//! The end: everybody goes home, and nothing is kept.

use super::*;

/// Tells when it is gone. The path of a request, or what an errand carries.
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

fn submit(crew: &Crew, told: Told) {
    let _ = crew.submit(Box::new(Request { raw_target: Some(Bytes::from_owner(told)), ..*request() }));
}

fn await_one(gone: &AtomicUsize) {
    while gone.load(Ordering::SeqCst) < 1 {
        thread::yield_now();
    }
}

#[test]
fn stopping_leaves_no_request_behind() {
    explore(|| {
        let gone = [0, 1].map(|_| Arc::new(AtomicUsize::new(0)));
        let [early, late] = gone.clone().map(Told);
        let mut kept = None;
        server(1, answer, |crew| {
            kept = Some(crew.clone());
            submit(crew, early);
            let crew = crew.clone();
            // May come after the end: such a request goes with the server.
            thread::spawn(move || submit(&crew, late));
        });
        assert_eq!(gone[0].load(Ordering::SeqCst), 1);
        drop(kept);
        await_one(&gone[1]);
    });
}

#[test]
fn errands_for_a_server_that_has_stopped_are_dropped() {
    explore(|| {
        let gone = Arc::new(AtomicUsize::new(0));
        let told = Told(gone.clone());
        let mut kept = None;
        server(1, answer, |crew| {
            kept = Some(crew.clone());
            let crew = crew.clone();
            thread::spawn(move || crew.run_errand(move || drop(told)));
        });
        await_one(&gone);
    });
}

#[test]
fn stopping_sends_everybody_home() {
    for threads in 1..=2 {
        // All of them may have come to rest by then.
        explore(move || server(threads, answer, |_| linger(40)));
    }
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
