//! Whoever feeds other processes learns which channels this one wants.

use std::sync::{Arc, Mutex, Weak};
use std::thread;

use iodine_core::pubsub::channel::Channel;
use iodine_core::pubsub::hub::{Hub, Observer};

use crate::recorder::{Heard, Recorder, exact, heard, pattern};

/// Writes down `+channel` and `-channel`.
struct Changes(Heard);

impl Changes {
    fn add(&self, sign: &str, channel: &Channel) {
        self.0.lock().expect("a healthy lock").push(format!("{sign}{}", String::from_utf8_lossy(channel.name())));
    }
}

impl Observer for Changes {
    fn subscribed(&self, channel: &Channel) {
        self.add("+", channel);
    }

    fn unsubscribed(&self, channel: &Channel) {
        self.add("-", channel);
    }
}

#[test]
fn hears_of_the_first_and_of_the_last_subscription() {
    let (hub, changes, log) = (Hub::new(), Heard::default(), Heard::default());
    hub.set_observer(Arc::new(Changes(changes.clone())));
    assert!(hub.subscribe(1, exact("a"), Recorder::new("", &log)));
    assert!(!hub.subscribe(2, exact("a"), Recorder::new("", &log)));
    assert!(!hub.subscribe(2, exact("a"), Recorder::new("", &log)));
    assert!(hub.subscribe(2, pattern("b*"), Recorder::new("", &log)));
    assert_eq!(heard(&changes), ["+a", "+b*"]);
    hub.unsubscribe(1, &exact("a"));
    assert_eq!(heard(&changes), [""; 0]);
    hub.unsubscribe_all(2);
    assert_eq!(heard(&changes), ["-a", "-b*"]);
    assert!(hub.subscribe(3, exact("a"), Recorder::new("", &log)));
    assert_eq!(heard(&changes), ["+a"]);
}

#[test]
fn a_late_observer_hears_of_what_is_there() {
    let (hub, changes, log) = (Hub::new(), Heard::default(), Heard::default());
    hub.subscribe(1, exact("a"), Recorder::new("", &log));
    hub.subscribe(1, pattern("b*"), Recorder::new("", &log));
    hub.subscribe(1, exact("gone"), Recorder::new("", &log));
    hub.unsubscribe(1, &exact("gone"));
    hub.set_observer(Arc::new(Changes(changes.clone())));
    let mut told = heard(&changes);
    told.sort();
    assert_eq!(told, ["+a", "+b*"]);
}

/// Subscribes once more when it hears of something.
struct Echo(Weak<Hub>, Changes);

impl Observer for Echo {
    fn subscribed(&self, channel: &Channel) {
        self.1.subscribed(channel);
        let hub = self.0.upgrade().expect("the hub");
        hub.subscribe(7, exact("echo"), Recorder::new("", &Heard::default()));
        assert!(hub.channels().contains(channel));
    }

    fn unsubscribed(&self, channel: &Channel) {
        self.1.unsubscribed(channel);
    }
}

#[test]
fn an_observer_may_use_the_hub() {
    let (hub, changes) = (Hub::new(), Heard::default());
    hub.set_observer(Arc::new(Echo(Arc::downgrade(&hub), Changes(changes.clone()))));
    hub.subscribe(1, exact("a"), Recorder::new("", &Heard::default()));
    assert_eq!(heard(&changes), ["+a", "+echo"]);
}

#[test]
fn changes_from_many_threads_are_told_in_their_order() {
    let (hub, log) = (Hub::new(), Heard::default());
    let changes: Heard = Arc::new(Mutex::new(Vec::new()));
    hub.set_observer(Arc::new(Changes(changes.clone())));
    thread::scope(|scope| {
        for owner in 0..4 {
            let (hub, log) = (&hub, &log);
            scope.spawn(move || {
                for _ in 0..2000 {
                    hub.subscribe(owner, exact("a"), Recorder::new("", log));
                    hub.unsubscribe(owner, &exact("a"));
                }
            });
        }
    });
    let told = heard(&changes);
    assert!(told.len() % 2 == 0 && !told.is_empty());
    for pair in told.chunks(2) {
        assert_eq!(pair, ["+a", "-a"]);
    }
}
