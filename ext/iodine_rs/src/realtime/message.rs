//! Strings as messages, and back.

use bytes::Bytes;
use iodine_core::pubsub::publication::Publication;
use iodine_core::realtime::{Client, Message};
use magnus::encoding::{Coderange, EncodingCapable};
use magnus::value::ReprValue;
use magnus::{Error, RString, Ruby, Value};

use crate::pins;

/// Smaller messages are encoded from where they are; larger ones are lent.
const SMALL: usize = 16 * 1024;

/// Whether a String is text; where it is in another encoding, the same text in UTF-8.
fn as_text(ruby: &Ruby, string: RString) -> Result<(RString, bool), Error> {
    let encoding = string.enc_get();
    if encoding == ruby.ascii8bit_encindex() {
        return Ok((string, false));
    }
    if encoding == ruby.utf8_encindex() || encoding == ruby.usascii_encindex() {
        return Ok((string, string.enc_coderange_scan() != Coderange::Broken));
    }
    Ok((string.funcall("encode", ("UTF-8",))?, true))
}

/// Sends a String: text where it is text, else binary. `false` where the connection takes no more.
pub(super) fn send(ruby: &Ruby, client: &Client, string: RString) -> Result<bool, Error> {
    let (string, text) = as_text(ruby, string)?;
    if string.len() < SMALL {
        // SAFETY: copied into the frame before Ruby code runs again.
        return Ok(client.send_small(unsafe { string.as_slice() }, text));
    }
    let bytes = pins::bytes(string)?;
    Ok(client.send(if text { Message::Text(bytes) } else { Message::Binary(bytes) }))
}

/// A String as what is published. It is text by what it is, not by its channel.
pub(super) fn publication(ruby: &Ruby, channel: Bytes, string: RString, binary: bool) -> Result<Publication, Error> {
    let (string, text) = as_text(ruby, string)?;
    let payload = pins::bytes(string)?;
    Ok(if binary || !text { Publication::binary(channel, payload) } else { Publication::new(channel, payload) })
}

/// A String in UTF-8 if `text`, else in ASCII-8BIT.
pub(super) fn string(ruby: &Ruby, data: &[u8], text: bool) -> Value {
    if text { ruby.enc_str_new(data, ruby.utf8_encindex()).as_value() } else { ruby.str_from_slice(data).as_value() }
}
