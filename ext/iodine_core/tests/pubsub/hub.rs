//! Who gets which publication, how often and in which order.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use iodine_core::pubsub::hub::Hub;
use iodine_core::pubsub::publication::{Encoding, Publication};

use crate::recorder::{Heard, Reaction, Recorder, exact, heard, pattern, publication};
use crate::wait::{PATIENCE, timed};

#[test]
fn a_publication_reaches_the_subscribers_of_its_channel() {
    let (hub, log) = (Hub::new(), Heard::default());
    hub.subscribe(1, exact("a"), Recorder::new("one", &log));
    hub.subscribe(2, exact("a"), Recorder::new("two", &log));
    hub.subscribe(3, exact("b"), Recorder::new("three", &log));
    assert_eq!(hub.publish(&publication("a", "x")), 2);
    assert_eq!(heard(&log), ["one:x", "two:x"]);
    assert_eq!(hub.publish(&publication("c", "x")), 0);
}

#[test]
fn names_and_patterns_are_heard_in_the_order_of_subscription() {
    let (hub, log) = (Hub::new(), Heard::default());
    hub.subscribe(1, pattern("room.*"), Recorder::new("p1", &log));
    hub.subscribe(2, exact("room.1"), Recorder::new("e2", &log));
    hub.subscribe(3, pattern("*"), Recorder::new("p3", &log));
    hub.subscribe(4, pattern("room.*"), Recorder::new("p4", &log));
    hub.subscribe(5, exact("room.1"), Recorder::new("e5", &log));
    assert_eq!(hub.publish(&publication("room.1", "x")), 5);
    assert_eq!(heard(&log), ["p1:x", "e2:x", "p3:x", "p4:x", "e5:x"]);
}

#[test]
fn a_pattern_is_no_name_and_a_name_no_pattern() {
    let (hub, log) = (Hub::new(), Heard::default());
    assert!(hub.subscribe(1, exact("a*"), Recorder::new("name", &log)));
    assert!(hub.subscribe(1, pattern("a*"), Recorder::new("pattern", &log)));
    hub.publish(&publication("ab", "1"));
    assert_eq!(heard(&log), ["pattern:1"]);
    hub.publish(&publication("a*", "2"));
    assert_eq!(heard(&log), ["name:2", "pattern:2"]);
}

#[test]
fn subscribing_again_replaces_in_place() {
    let (hub, log) = (Hub::new(), Heard::default());
    assert!(hub.subscribe(1, exact("a"), Recorder::new("old", &log)));
    assert!(!hub.subscribe(2, exact("a"), Recorder::new("other", &log)));
    assert!(!hub.subscribe(1, exact("a"), Recorder::new("new", &log)));
    assert_eq!(hub.publish(&publication("a", "x")), 2);
    assert_eq!(heard(&log), ["new:x", "other:x"]);
    assert!(hub.unsubscribe(1, &exact("a")));
    assert!(!hub.unsubscribe(1, &exact("a")));
}

#[test]
fn leaving_ends_only_the_own_subscriptions() {
    let (hub, log) = (Hub::new(), Heard::default());
    for owner in [1, 2, u64::MAX] {
        hub.subscribe(owner, exact("a"), Recorder::new(owner, &log));
        hub.subscribe(owner, exact(""), Recorder::new(owner, &log));
        hub.subscribe(owner, pattern("?"), Recorder::new(owner, &log));
    }
    hub.unsubscribe_all(2);
    hub.unsubscribe_all(3);
    assert_eq!(hub.publish(&publication("a", "")), 4);
    assert_eq!(hub.publish(&publication("", "")), 2);
    hub.unsubscribe_all(u64::MAX);
    assert_eq!(hub.publish(&publication("a", "")), 2);
    hub.unsubscribe_all(1);
    assert_eq!(hub.publish(&publication("a", "")), 0);
    assert_eq!(hub.channels(), []);
}

#[test]
fn order_survives_many_departures() {
    let (hub, log) = (Hub::new(), Heard::default());
    for owner in 0..1000 {
        hub.subscribe(owner, exact("a"), Recorder::new(owner, &log));
    }
    for owner in (0..1000).filter(|owner| owner % 7 != 0) {
        assert!(hub.unsubscribe(owner, &exact("a")));
    }
    hub.subscribe(1, exact("a"), Recorder::new(1, &log));
    hub.publish(&publication("a", ""));
    let expected: Vec<String> = (0..1000).step_by(7).chain([1]).map(|owner| format!("{owner}:")).collect();
    assert_eq!(heard(&log), expected);
}

#[test]
fn a_subscriber_may_use_the_hub() {
    let (hub, log) = (Hub::new(), Heard::default());
    let (inner, seen) = (Arc::downgrade(&hub), log.clone());
    let reaction = Reaction(move |publication: &Arc<Publication>| {
        let hub = inner.upgrade().expect("the hub");
        seen.lock().expect("a healthy lock").push(format!("reaction:{}", publication.channel().len()));
        hub.unsubscribe_all(1);
        hub.subscribe(2, exact("a"), Recorder::new("late", &seen));
        hub.publish(&crate::recorder::publication("bb", "nested"));
    });
    hub.subscribe(1, exact("a"), Arc::new(reaction));
    hub.subscribe(3, pattern("b*"), Recorder::new("nested", &log));
    assert_eq!(hub.publish(&publication("a", "1")), 1);
    assert_eq!(heard(&log), ["reaction:1", "nested:nested"]);
    assert_eq!(hub.publish(&publication("a", "2")), 1);
    assert_eq!(heard(&log), ["late:2"]);
}

/// Uses the hub when it goes.
struct Parting(Weak<Hub>);

impl Drop for Parting {
    fn drop(&mut self) {
        if let Some(hub) = self.0.upgrade() {
            hub.unsubscribe_all(9);
        }
    }
}

#[test]
fn a_subscriber_may_use_the_hub_when_it_is_dropped() {
    let hub = Hub::new();
    let parting = || {
        let parting = Parting(Arc::downgrade(&hub));
        Arc::new(Reaction(move |_: &Arc<Publication>| drop(parting.0.upgrade())))
    };
    hub.subscribe(1, exact("a"), parting());
    hub.subscribe(1, exact("a"), parting());
    hub.unsubscribe(1, &exact("a"));
    hub.subscribe(1, exact("a"), parting());
    hub.unsubscribe_all(1);
}

#[test]
fn what_one_thread_publishes_arrives_in_order() {
    let hub = Hub::new();
    let arrived: Arc<Mutex<Vec<(u8, u32)>>> = Arc::default();
    let log = arrived.clone();
    let note = Reaction(move |publication: &Arc<Publication>| {
        let (thread, count) = publication.payload().split_first().expect("a thread");
        log.lock().expect("a healthy lock").push((*thread, u32::from_be_bytes(count.try_into().expect("a count"))));
    });
    hub.subscribe(1, exact("a"), Arc::new(note));
    thread::scope(|scope| {
        for thread in 0..4u8 {
            let hub = &hub;
            scope.spawn(move || {
                for count in 0..1000u32 {
                    let payload = [&[thread][..], &count.to_be_bytes()].concat();
                    hub.publish(&Arc::new(Publication::new("a".into(), payload.into())));
                    hub.subscribe(10 + u64::from(thread), exact("a"), Arc::new(Reaction(|_: &Arc<Publication>| ())));
                    hub.unsubscribe_all(10 + u64::from(thread));
                }
            });
        }
    });
    let arrived = arrived.lock().expect("a healthy lock");
    for thread in 0..4 {
        let counts: Vec<u32> = arrived.iter().filter(|one| one.0 == thread).map(|one| one.1).collect();
        assert_eq!(counts, (0..1000).collect::<Vec<_>>());
    }
}

#[test]
fn an_encoding_is_made_once() {
    let publication = publication("a", "x");
    let made = AtomicUsize::new(0);
    let make = |publication: &Publication| {
        made.fetch_add(1, Ordering::Relaxed);
        Bytes::from([b"data: ", publication.payload().as_ref(), b"\n\n"].concat())
    };
    for _ in 0..3 {
        assert_eq!(publication.encoded(Encoding::Event, make), "data: x\n\n");
    }
    assert_eq!(publication.encoded(Encoding::EventRaw, |publication| publication.payload().clone()), "x");
    assert_eq!(made.load(Ordering::Relaxed), 1);
}

#[test]
fn only_valid_utf_8_is_text() {
    let new = |payload: &'static [u8]| Publication::new("a".into(), payload.into());
    assert!(new("grüß".as_bytes()).is_text());
    assert!(new(b"").is_text());
    assert!(!new(b"gr\xfc\xdf").is_text());
    assert!(!Publication::binary("a".into(), "plain".into()).is_text());
}

#[test]
fn many_subscribers_come_and_go_quickly() {
    let hub = Hub::new();
    let ignore = Arc::new(Reaction(|_: &Arc<Publication>| ()));
    let ((), took) = timed(|| {
        for owner in 0..100_000 {
            hub.subscribe(owner, exact("all"), ignore.clone());
        }
        assert_eq!(hub.publish(&publication("all", "")), 100_000);
        for owner in 0..100_000 {
            hub.unsubscribe_all(owner);
        }
    });
    assert_eq!(hub.channels(), []);
    assert!(took < Duration::from_secs(5) * PATIENCE, "{took:?}: leaving a channel must not cost its size");
}
