//! Requests and their answers: somebody comes for each, and it is answered once.

use super::*;

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
fn a_connection_waits_for_a_free_thread_no_longer_than_there_is_none() {
    explore(|| {
        server(1, answer, |crew| {
            let inbox = crew.submit(request()).expect("room");
            shuttle::future::block_on(crew.free_thread());
            drop(inbox);
        });
    });
}
