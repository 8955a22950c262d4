//! `load_client KIND PORT SOCKETS AMOUNT BYTES`: one kind of load on a server at 127.0.0.1. AMOUNT is seconds.
//!
//! * `echo`: every socket sends a message and waits for its echo, again and again.
//! * `broadcast`: every socket listens; one publishes as soon as all have heard the last message.
//! * `channels`: the same, a hundred channels at once, each with its share of the sockets and a publisher.
//! * `sse`: the same as `broadcast` with event streams; a WebSocket publishes.
//! * `idle`: the sockets are open until the standard input ends; "open" is printed when they are.
//! * `kept`: the same with HTTP connections that have had one request.
//!
//! Where AMOUNT is a number of things to do, see [`counted`]:
//!
//! * `churn`: WebSockets are opened, say something and end in one of three ways; SOCKETS at once.
//! * `requests`: requests on SOCKETS connections that are kept.
//! * `short`: the same with HTTP connections of one request.
//! * `publish`: publications that SOCKETS hear.
//!
//! Prints one line of JSON: messages that came back or were delivered, seconds, and the time of one round in µs.

mod counted;
mod socket;

use std::io::Read;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::{JoinSet, LocalSet, spawn_local};

use socket::{Kind, Socket};

type Failure = Box<dyn std::error::Error>;

struct Load {
    port: u16,
    sockets: usize,
    amount: u64,
    message: Vec<u8>,
}

impl Load {
    fn time(&self) -> Duration {
        Duration::from_secs(self.amount)
    }
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, port, sockets, amount, bytes] = arguments.as_slice() else {
        return Err("usage: load_client KIND PORT SOCKETS AMOUNT BYTES".into());
    };
    let load = Load {
        port: port.parse()?,
        sockets: sockets.parse()?,
        amount: amount.parse()?,
        message: vec![b'x'; bytes.parse()?],
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(LocalSet::new().run_until(async {
        match kind.as_str() {
            "echo" => echo(load).await,
            "broadcast" => broadcast(load, 1, Kind::WebSocket).await,
            "channels" => broadcast(load, 100, Kind::WebSocket).await,
            "sse" => broadcast(load, 1, Kind::Events).await,
            "idle" => idle(load, "/echo", Kind::WebSocket).await,
            "kept" => idle(load, "/", Kind::Kept).await,
            "requests" => counted::requests(load).await,
            "churn" => counted::churn(load, Kind::WebSocket).await,
            "short" => counted::churn(load, Kind::Kept).await,
            "publish" => counted::publish(load).await,
            other => Err(format!("unknown kind {other}").into()),
        }
    }))
}

async fn open_all(load: &Load, path: &str, kind: Kind) -> Result<Vec<Socket>, Failure> {
    let mut sockets = Vec::with_capacity(load.sockets);
    for _ in 0..load.sockets {
        sockets.push(Socket::open(load.port, path, kind).await?);
    }
    Ok(sockets)
}

async fn echo(load: Load) -> Result<(), Failure> {
    let load = Rc::new(load);
    let mut echoes = JoinSet::new();
    let sockets = open_all(&load, "/echo", Kind::WebSocket).await?;
    let begun = Instant::now();
    for mut socket in sockets {
        let load = load.clone();
        echoes.spawn_local(async move {
            let mut times = Vec::new();
            while begun.elapsed() < load.time() {
                let sent = Instant::now();
                socket.send(&load.message).await.expect("a server that reads");
                socket.receive().await.expect("an echo");
                times.push(sent.elapsed());
            }
            times
        });
    }
    let times = echoes.join_all().await.concat();
    report(times.len(), begun.elapsed(), times);
    Ok(())
}

async fn broadcast(load: Load, channels: usize, kind: Kind) -> Result<(), Failure> {
    let heard = listen(&load, channels, kind).await?;
    let mut publishers = Vec::new();
    for channel in 0..channels {
        publishers.push(Socket::open(load.port, &format!("/publisher/{channel}"), Kind::WebSocket).await?);
    }
    let everybody = u32::try_from(load.sockets)?;
    let (begun, mut times) = (Instant::now(), Vec::new());
    while begun.elapsed() < load.time() {
        let sent = Instant::now();
        for publisher in &mut publishers {
            publisher.send(&load.message).await?;
        }
        heard.acquire_many(everybody).await?.forget();
        times.push(sent.elapsed());
    }
    report(times.len() * load.sockets, begun.elapsed(), times);
    Ok(())
}

/// Opens sockets that listen to one of the channels each. There is a permit for every message that one of them hears.
async fn listen(load: &Load, channels: usize, kind: Kind) -> Result<Rc<Semaphore>, Failure> {
    let heard = Rc::new(Semaphore::new(0));
    for number in 0..load.sockets {
        let mut socket = Socket::open(load.port, &format!("/room/{}", number % channels), kind).await?;
        let heard = heard.clone();
        spawn_local(async move {
            while socket.receive().await.is_ok() {
                heard.add_permits(1);
            }
        });
    }
    Ok(heard)
}

async fn idle(load: Load, path: &str, kind: Kind) -> Result<(), Failure> {
    let sockets = open_all(&load, path, kind).await?;
    println!("open");
    std::io::stdin().read_to_end(&mut Vec::new())?;
    drop(sockets);
    Ok(())
}

fn report(messages: usize, elapsed: Duration, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).or(times.last()).map_or(0, |t| t.as_micros());
    println!(
        "{{\"messages\": {messages}, \"seconds\": {:.3}, \"p50_us\": {}, \"p99_us\": {}}}",
        elapsed.as_secs_f64(),
        at(0.5),
        at(0.99)
    );
}
