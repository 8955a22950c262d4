//! Publications and notices as they travel between processes.

use std::sync::Arc;

use bytes::BytesMut;
use iodine_core::pubsub::frame::{self, Frame};
use magnus::{Error, IntoValue, Object, RArray, RModule, RString, Ruby, Value, function};

use super::notices::notice;
use super::{channel, hub};
use crate::raised;
use crate::realtime::connection::name_bytes;
use crate::realtime::message;

pub(super) fn init(pubsub: RModule) -> Result<(), Error> {
    pubsub.define_singleton_method("frame", function!(encode, 4))?;
    pubsub.define_singleton_method("notice_frame", function!(encode_notice, 3))?;
    pubsub.define_singleton_method("whole_frames", function!(whole_frames, 1))?;
    pubsub.define_singleton_method("count_frames", function!(count_frames, 1))?;
    pubsub.define_singleton_method("deliver_frames", function!(deliver_frames, 1))
}

/// `PubSub.frame(channel, message, binary, outward)`: the publication as it travels between processes.
fn encode(ruby: &Ruby, channel: RString, text: RString, binary: bool, outward: bool) -> Result<Value, Error> {
    let publication = message::publication(ruby, name_bytes(channel), text, binary)?;
    let mut bytes = BytesMut::new();
    if !frame::encode(&publication, outward, &mut bytes) {
        return Err(raised::error(ruby.exception_arg_error(), "a message has to be smaller than 4 GiB"));
    }
    Ok(message::string(ruby, &bytes, false))
}

/// `PubSub.notice_frame(name, pattern, subscribed)`: that a channel has its first subscriber, or none any more.
fn encode_notice(ruby: &Ruby, name: RString, pattern: bool, subscribed: bool) -> Result<Value, Error> {
    let mut bytes = BytesMut::new();
    if !frame::encode_notice(&channel(name, pattern), subscribed, &mut bytes) {
        return Err(raised::error(ruby.exception_arg_error(), "a channel's name has to be smaller than 4 GiB"));
    }
    Ok(message::string(ruby, &bytes, false))
}

/// `PubSub.whole_frames(bytes)`: how many of the bytes are complete frames.
fn whole_frames(ruby: &Ruby, bytes: RString) -> Result<usize, Error> {
    Ok(measure(ruby, bytes)?.1)
}

/// `PubSub.count_frames(bytes)`: how many complete frames they are.
fn count_frames(ruby: &Ruby, bytes: RString) -> Result<usize, Error> {
    Ok(measure(ruby, bytes)?.0)
}

/// How many complete frames there are, and how long they are together.
fn measure(ruby: &Ruby, bytes: RString) -> Result<(usize, usize), Error> {
    // SAFETY: nothing below runs Ruby code, or gives the GVL away, while the slice is in use.
    let bytes = unsafe { bytes.as_slice() };
    let (mut count, mut length) = (0, 0);
    while let Some(next) = frame::whole(&bytes[length..]).map_err(|error| malformed(ruby, error))? {
        count += 1;
        length += next;
    }
    Ok((count, length))
}

/// `PubSub.deliver_frames(bytes)`: what came from another process. Its publications go to the subscribers of this one.
/// Returns `[publications, notices]`: their frames, to be passed on, and `[name, pattern, subscribed]` for each notice.
fn deliver_frames(ruby: &Ruby, bytes: RString) -> Result<RArray, Error> {
    // SAFETY: copied before Ruby code runs again.
    let mut bytes = BytesMut::from(unsafe { bytes.as_slice() });
    let (hub, notices) = (hub(), ruby.ary_new());
    let mut publications = BytesMut::with_capacity(bytes.len());
    while let Some(length) = frame::whole(&bytes).map_err(|error| malformed(ruby, error))? {
        if !frame::is_notice(&bytes) {
            publications.extend_from_slice(&bytes[..length]);
        }
        match frame::decode(&mut bytes).map_err(|error| malformed(ruby, error))? {
            Some(Frame::Publication { publication, .. }) => {
                hub.publish(&Arc::new(publication));
            }
            Some(Frame::Notice { channel, subscribed }) => notices.push(notice(ruby, &channel, subscribed))?,
            None => break,
        }
    }
    Ok(ruby.ary_new_from_values(&[message::string(ruby, &publications, false), notices.into_value_with(ruby)]))
}

fn malformed(ruby: &Ruby, error: frame::Malformed) -> Error {
    raised::error(ruby.exception_io_error(), &error.to_string())
}
