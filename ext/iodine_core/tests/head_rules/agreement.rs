//! The rules never accept what hyper refuses behind them.

use iodine_core::http::head::Rules;

use crate::hyper::assert_hyper_accepts;
use crate::{LIMITS, get, judge, line, post, post10};

/// Numbers that look random and are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    fn of<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }
}

/// Pieces that change the meaning of a head.
const PIECES: [&[u8]; 29] = [
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"\t",
    b"\0",
    b":",
    b",",
    b";",
    b"/",
    b"?",
    b"#",
    b"@",
    b"*",
    b"%",
    b"[",
    b"]",
    b"`",
    b"\"",
    b"\\",
    b"{",
    b"\xe9",
    b"\x7f",
    b"chunked",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: ",
    b"http://",
    b"HTTP/1.0",
    b"18446744073709551615",
];

/// Puts a piece or a random byte somewhere, over what was there or beside it, or takes a byte away.
fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len());
    let byte = [random.below(256) as u8];
    match random.below(5) {
        0 => drop(bytes.remove(at)),
        1 => bytes[at] = byte[0],
        2 => drop(bytes.splice(at..at, byte)),
        3 => drop(bytes.splice(at..at + 1, random.of(&PIECES).iter().copied())),
        _ => drop(bytes.splice(at..at, random.of(&PIECES).iter().copied())),
    }
}

#[test]
fn whatever_is_accepted_hyper_accepts_too() {
    let seeds = [
        get("/a/b?c=d&e#f"),
        get("http://b.example:81/x?y"),
        line("OPTIONS * HTTP/1.1"),
        post("Transfer-Encoding: chunked\r\nX-A: 1, 2"),
        post("Content-Length: 10\r\nContent-Type: text/plain\r\nExpect: 100-continue"),
        post10("Host: [::1]:80\r\nContent-Length: 3\r\nConnection: keep-alive"),
    ];
    let rules = Rules { limits: &LIMITS, methods: None };
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut accepted = 0;
    for _ in 0..60_000 {
        let mut bytes = seeds[random.below(seeds.len())].clone();
        for _ in 0..=random.below(3) {
            mutate(&mut bytes, &mut random);
        }
        // The end may be lost: it is put back, so that there is always something to judge.
        bytes.extend_from_slice(b"\r\n\r\n");
        if let Ok(head) = judge(&bytes, &rules) {
            assert_hyper_accepts(&bytes, &head);
            accepted += 1;
        }
    }
    assert!(accepted > 5_000, "the mutations have to leave something to compare: {accepted}");
}

#[test]
fn every_byte_of_a_target_is_judged_as_http_uri_does_or_stricter() {
    let rules = Rules { limits: &LIMITS, methods: None };
    for byte in 0..=255u8 {
        for target in [[b"/a".as_slice(), &[byte]].concat(), [b"/?a".as_slice(), &[byte]].concat()] {
            let bytes = get(&target);
            if let Ok(head) = judge(&bytes, &rules) {
                assert_hyper_accepts(&bytes, &head);
            }
        }
    }
}
