//! hyper decodes behind the rules: what they accept, hyper must accept too, with the same end.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;

use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{LIMITS, NEXT, feed};

/// Panics if hyper refuses `body`, or does not take what follows for the next request.
pub fn assert_hyper_accepts(body: &[u8]) {
    let answers = served_by_hyper(body);
    let bodies = answers.matches("whole").count();
    assert_eq!((bodies, answers.matches("broken").count()), (2, 0), "{answers}");
}

/// What hyper answers to a request with `body` and to one more behind it: "whole" or "broken" for each.
fn served_by_hyper(body: &[u8]) -> String {
    let head = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    let bytes = [head, body, NEXT].concat();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let (mut client, server) = tokio::io::duplex(bytes.len());
        client.write_all(&bytes).await.expect("room for all of it");
        client.shutdown().await.expect("closed");
        let connection =
            http1::Builder::new().half_close(true).serve_connection(TokioIo::new(server), service_fn(answer));
        let mut answers = String::new();
        let (served, read) = tokio::join!(connection, client.read_to_string(&mut answers));
        drop(served);
        read.expect("text");
        answers
    })
}

async fn answer(mut request: Request<Incoming>) -> Result<Response<String>, Infallible> {
    let body = request.body_mut();
    let mut whole = true;
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await {
        whole &= frame.is_ok();
        if !whole {
            break;
        }
    }
    Ok(Response::new(if whole { "whole".into() } else { "broken".into() }))
}

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
