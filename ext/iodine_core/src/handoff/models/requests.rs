//! Requests and their answers: somebody comes for each, and it is answered once.

use super::*;

/// Two connections ask, each in a thread of its own.
fn ask_twice_at_once(crew: &Arc<Crew>) {
    let clients = [(); 2].map(|()| {
        let crew = crew.clone();
        thread::spawn(move || assert!(matches!(ask(&crew), Reply::Full(..))))
    });
    for client in clients {
        client.join().expect("an answer");
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
        server(2, run, ask_twice_at_once);
        assert_eq!(runs.load(Ordering::SeqCst), 2);
    });
}

#[test]
fn a_request_is_run_while_another_one_waits_in_the_app() {
    explore(|| {
        let both = shuttle::sync::Barrier::new(2);
        let run = move |crew: &Arc<Crew>, job| {
            both.wait();
            answer(crew, job);
        };
        server(2, run, ask_twice_at_once);
    });
}

#[test]
fn a_ticket_that_is_dropped_or_answered_twice_gives_one_answer() {
    explore(|| {
        let run = |_: &Arc<Crew>, job| {
            if let Job::Call(call) = job {
                let hijacks = [call.ticket.handle(), call.ticket.handle()]
                    .map(|handle| thread::spawn(move || handle.answer_now(Reply::Abort)));
                drop(call.ticket);
                let first = hijacks.map(|hijack| hijack.join().expect("no panic"));
                assert_ne!(first, [true, true], "two answers");
            }
        };
        server(1, run, |crew| assert!(matches!(ask(crew), Reply::Abort | Reply::Lost)));
    });
}

#[test]
fn a_request_whose_ticket_is_lost_has_an_answer() {
    explore(|| server(1, |_, job| drop(job), |crew| assert!(matches!(ask(crew), Reply::Lost))));
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
