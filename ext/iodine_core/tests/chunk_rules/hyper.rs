//! What hyper makes of a chunked body.

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

/// What follows a body on its connection.
pub const NEXT: &[u8] = b"\r\nGET / HTTP/1.1\r\n\r\n";

/// Panics if hyper refuses `body`, or does not take what follows for the next request.
pub fn assert_hyper_accepts(body: &[u8]) {
    let answers = served_by_hyper(body);
    let bodies = answers.matches("whole").count();
    assert_eq!((bodies, answers.matches("broken").count()), (2, 0), "{answers}");
}

/// What hyper answers to a request with `body` and to one more behind it: "whole" or "broken" for each.
pub fn served_by_hyper(body: &[u8]) -> String {
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
