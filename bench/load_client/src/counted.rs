//! Loads that end after a number of things, for the soak.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

use tokio::task::JoinSet;

use super::socket::{Kind, Socket};
use super::{Failure, Load, listen, report};

/// Publications that are on their way at once.
const WINDOW: u64 = 64;

/// How many things are left to do, for all clients together.
#[derive(Clone)]
struct Left(Rc<Cell<u64>>);

impl Left {
    /// Takes one of them; the number of those behind it.
    fn take(&self) -> Option<u64> {
        let rest = self.0.get().checked_sub(1)?;
        self.0.set(rest);
        Some(rest)
    }
}

/// Runs the clients at once, and gathers what they bring.
async fn share<T, F>(load: &Rc<Load>, client: impl Fn(Rc<Load>, Left) -> F) -> Result<Vec<T>, Failure>
where
    T: 'static,
    F: Future<Output = std::io::Result<T>> + 'static,
{
    let left = Left(Rc::new(Cell::new(load.amount)));
    let mut clients = JoinSet::new();
    for _ in 0..load.sockets {
        clients.spawn_local(client(load.clone(), left.clone()));
    }
    let mut gathered = Vec::new();
    while let Some(done) = clients.join_next().await {
        gathered.push(done??);
    }
    Ok(gathered)
}

/// Opens and ends connections. A WebSocket has its message echoed first. One of three says goodbye (or just closes, where
/// it is HTTP), one resets, one closes without a word.
pub async fn churn(load: Load, kind: Kind) -> Result<(), Failure> {
    let (load, begun) = (Rc::new(load), Instant::now());
    let times = share(&load, |load, left| async move {
        let mut times = Vec::new();
        while let Some(rest) = left.take() {
            let opened = Instant::now();
            once(&load, kind, rest).await?;
            times.push(opened.elapsed());
        }
        Ok(times)
    });
    let times = times.await?.concat();
    report(times.len(), begun.elapsed(), times);
    Ok(())
}

async fn once(load: &Load, kind: Kind, number: u64) -> std::io::Result<()> {
    let websocket = kind == Kind::WebSocket;
    let mut socket = Socket::open(load.port, if websocket { "/echo" } else { "/" }, kind).await?;
    if websocket {
        socket.send(&load.message).await?;
        socket.receive().await?;
    }
    match number % 3 {
        0 if websocket => socket.goodbye().await,
        1 => socket.reset(),
        _ => Ok(()),
    }
}

/// Asks on connections that are kept, one request after another on each. A server may close one; the next is opened then.
pub async fn requests(load: Load) -> Result<(), Failure> {
    let (load, begun) = (Rc::new(load), Instant::now());
    let clients = share(&load, |load, left| async move {
        let mut socket: Option<Socket> = None;
        while left.take().is_some() {
            let goes_on = match &mut socket {
                Some(socket) => socket.ask("/").await?,
                None => socket.insert(Socket::open(load.port, "/", Kind::Kept).await?).goes_on(),
            };
            if !goes_on {
                socket = None;
            }
        }
        Ok(())
    });
    clients.await?;
    report(load.amount as usize, begun.elapsed(), Vec::new());
    Ok(())
}

/// Publishes; all sockets hear everything.
pub async fn publish(load: Load) -> Result<(), Failure> {
    let heard = listen(&load, 1, Kind::WebSocket).await?;
    let mut publisher = Socket::open(load.port, "/publisher/0", Kind::WebSocket).await?;
    let (begun, mut left, mut times) = (Instant::now(), load.amount, Vec::new());
    while left > 0 {
        let (count, sent) = (left.min(WINDOW), Instant::now());
        for _ in 0..count {
            publisher.send(&load.message).await?;
        }
        heard.acquire_many(u32::try_from(count as usize * load.sockets)?).await?.forget();
        times.push(sent.elapsed());
        left -= count;
    }
    report(load.amount as usize * load.sockets, begun.elapsed(), times);
    Ok(())
}
