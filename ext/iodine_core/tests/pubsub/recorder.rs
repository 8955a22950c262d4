//! Subscribers that remember, or do something.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use iodine_core::pubsub::channel::Channel;
use iodine_core::pubsub::hub::Subscriber;
use iodine_core::pubsub::publication::Publication;

/// What subscribers heard: `name:payload`, in the order of arrival.
pub type Heard = Arc<Mutex<Vec<String>>>;

/// Writes down what arrives under its name.
pub struct Recorder {
    name: String,
    heard: Heard,
}

impl Recorder {
    pub fn new(name: impl ToString, heard: &Heard) -> Arc<Recorder> {
        Arc::new(Recorder { name: name.to_string(), heard: heard.clone() })
    }
}

impl Subscriber for Recorder {
    fn deliver(&self, publication: &Arc<Publication>) {
        let payload = String::from_utf8_lossy(publication.payload()).into_owned();
        self.heard.lock().expect("a healthy lock").push(format!("{}:{payload}", self.name));
    }
}

/// Does something when a publication arrives.
pub struct Reaction<F>(pub F);

impl<F: Fn(&Arc<Publication>) + Send + Sync> Subscriber for Reaction<F> {
    fn deliver(&self, publication: &Arc<Publication>) {
        (self.0)(publication);
    }
}

pub fn exact(name: &str) -> Channel {
    Channel::Exact(Bytes::copy_from_slice(name.as_bytes()))
}

pub fn pattern(name: &str) -> Channel {
    Channel::Pattern(Bytes::copy_from_slice(name.as_bytes()))
}

pub fn publication(channel: &str, payload: &str) -> Arc<Publication> {
    let copy = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    Arc::new(Publication::new(copy(channel), copy(payload)))
}

/// What was heard since the last look.
pub fn heard(heard: &Heard) -> Vec<String> {
    std::mem::take(&mut *heard.lock().expect("a healthy lock"))
}
