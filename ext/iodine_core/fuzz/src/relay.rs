//! Frames between the processes of one server: the same ones in one piece and in many, and encoded again the same
//! bytes.

use bytes::BytesMut;
use iodine_core::pubsub::frame::{Frame, decode, encode, encode_notice, is_notice, whole};

use super::cuts;

/// See the module.
pub fn check(bytes: &[u8]) {
    let all = read(&[bytes]);
    for pieces in cuts::of(bytes) {
        assert_eq!(read(&pieces), all, "in {} pieces", pieces.len());
    }
    let mut rest = bytes;
    for frame in &all.0 {
        let (there, behind) = rest.split_at(frame.len());
        assert_eq!(normal(there), normal(frame));
        rest = behind;
    }
}

/// A text that is not UTF-8 is passed on as binary.
fn normal(frame: &[u8]) -> Vec<u8> {
    const BINARY: u8 = 1;
    frame.iter().enumerate().map(|(at, byte)| if at == 4 { byte | BINARY } else { *byte }).collect()
}

/// The frames, each encoded again, and whether nothing sensible followed.
fn read(pieces: &[&[u8]]) -> (Vec<BytesMut>, bool) {
    let (mut input, mut frames) = (BytesMut::new(), Vec::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            let length = whole(&input);
            let notice = is_notice(&input);
            match decode(&mut input) {
                Ok(Some(frame)) => {
                    let mut again = BytesMut::new();
                    let (encoded, is_publication) = match &frame {
                        Frame::Publication { publication, outward } => {
                            (encode(publication, *outward, &mut again), true)
                        }
                        Frame::Notice { channel, subscribed } => {
                            (encode_notice(channel, *subscribed, &mut again), false)
                        }
                    };
                    assert!(encoded);
                    assert_eq!(length, Ok(Some(again.len())), "the master counts the same frame off");
                    assert_ne!(notice, is_publication, "the master tells notices from publications");
                    frames.push(again);
                }
                Ok(None) => break,
                Err(_) => return (frames, true),
            }
        }
    }
    (frames, false)
}
