//! A server of hyper and tokio alone, one thread, that answers with the bytes of the Rack apps in
//! `bench/apps`: what iodine-rs would cost if Ruby cost nothing.
//!
//! Usage: `hyper_baseline PORT` (loopback). `/` is the greeting, `/body_1mb` a shared megabyte,
//! `/file_10mb` the file that `BENCH_FILE` names.

mod body;

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::sync::LazyLock;

use body::Body;
use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

/// The gem's allocator, for the same reason as the gem's release profile.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const GREETING: &[u8] = b"Hello World";
const MEGABYTE: usize = 1024 * 1024;

static LARGE: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(vec![b'x'; MEGABYTE]));

fn main() -> io::Result<()> {
    let port = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| io::Error::other("usage: hyper_baseline PORT"))?;
    tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(accept(port))
}

async fn accept(port: u16) -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(serve(stream));
    }
}

/// A client that goes away in the middle ends its connection and nothing else.
async fn serve(stream: TcpStream) {
    let service = service_fn(async |request| Ok::<_, Infallible>(answer(&request)));
    let _gone = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

fn answer<B>(request: &Request<B>) -> Response<Body> {
    let (media_type, body) = match request.uri().path() {
        "/body_1mb" => ("application/octet-stream", Body::whole(LARGE.clone())),
        "/file_10mb" => match open_file() {
            Ok(body) => ("application/octet-stream", body),
            Err(error) => return failure(&error),
        },
        _ => ("text/plain", Body::whole(Bytes::from_static(GREETING))),
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

fn open_file() -> io::Result<Body> {
    let path = std::env::var_os("BENCH_FILE").ok_or_else(|| io::Error::other("BENCH_FILE is not set"))?;
    Body::file(File::open(path)?)
}

fn failure(error: &io::Error) -> Response<Body> {
    let mut response = Response::new(Body::whole(Bytes::from(error.to_string())));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}
