//! hyper decodes behind the rules: what they accept, hyper must accept too, with the same end.

use crate::hyper::{NEXT, assert_hyper_accepts, served_by_hyper};
use crate::{LIMITS, feed};

#[test]
fn hyper_is_asked_in_earnest() {
    assert_eq!(served_by_hyper(b"5\r\nhello\r\n0\r\n\r\n").matches("whole").count(), 2);
    assert_eq!(served_by_hyper(b"5\r\nhello!\r\n0\r\n\r\n").matches("broken").count(), 1);
}

#[test]
fn every_change_of_one_byte_that_is_accepted_hyper_accepts_too() {
    let body = b"5 ;a=\"b\"\r\nhello\r\n01\r\n!\r\n0\r\nX-T: 1\r\n\r\n";
    let mut accepted = 0;
    for at in 0..body.len() {
        for byte in 0..=255 {
            let mut changed = body.to_vec();
            changed[at] = byte;
            if feed([changed.as_slice(), NEXT], &LIMITS) == Ok(Some(changed.len())) {
                assert_hyper_accepts(&changed);
                accepted += 1;
            }
        }
    }
    assert!(accepted > 1_000, "the changes have to leave something to compare: {accepted}");
}
