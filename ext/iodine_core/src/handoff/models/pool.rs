//! Threads that come and go.

use super::*;

#[test]
fn an_interrupt_makes_a_wait_return() {
    explore(|| {
        let crew = crew(1);
        let mut worker = crew.join();
        let interrupt = worker.interrupter();
        let interrupter = thread::spawn(move || {
            // The worker may have fallen asleep by then.
            linger(12);
            interrupt.interrupt();
        });
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
