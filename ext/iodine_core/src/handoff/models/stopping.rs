//! The end: everybody goes home, and nothing is kept.

use super::*;

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
