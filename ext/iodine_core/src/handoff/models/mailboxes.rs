//! Events of one connection: in turn, and all of them.

use super::*;

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
