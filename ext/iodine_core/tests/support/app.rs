//! The application's side: what the bridge does, without Ruby.

use std::fs::File;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use iodine_core::handoff::{
    self, FileBody, Job, Payload, Reply, Request, RequestBody, ResponseHead, Room, StreamPermit, StreamWriter, Ticket,
    TicketHandle, Wait, Worker, stream,
};

use super::Team;

/// As many jobs, and as much time, as the bridge gives a thread before it has to look at the sockets.
const BATCH: usize = 16;
const BATCH_TIME: Duration = Duration::from_millis(1);

/// Bytes queued for a streaming body before its writer has to wait.
const STREAM_BUFFER: usize = 64 * 1024;

/// A head with this status and no fields.
pub fn status(code: u16) -> ResponseHead {
    head(code, &[])
}

/// A head with these fields.
pub fn head(code: u16, fields: &[(&str, &str)]) -> ResponseHead {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let name: HeaderName = name.parse().expect("a field's name");
        headers.append(name, HeaderValue::from_str(value).expect("a field's value"));
    }
    ResponseHead { status: StatusCode::from_u16(code).expect("a status"), headers }
}

/// A body of these pieces.
pub fn payload(pieces: &[&str]) -> Payload {
    let mut payload = Payload::default();
    for piece in pieces {
        payload.push(Bytes::copy_from_slice(piece.as_bytes()));
    }
    payload
}

/// What the application gets for one request.
pub struct Call<'a> {
    pub request: Request,
    ticket: Option<Ticket>,
    worker: &'a mut Worker,
    team: &'a Team,
    permit: Option<StreamPermit>,
    /// The thread ends after this request.
    pub dies: bool,
}

impl Call<'_> {
    pub fn path(&self) -> &str {
        self.request.parts.uri.path()
    }

    /// The request's body, all of it.
    pub fn body(&mut self) -> Vec<u8> {
        match std::mem::replace(&mut self.request.body, RequestBody::Empty) {
            RequestBody::Empty => Vec::new(),
            RequestBody::Memory(bytes) => bytes.to_vec(),
            RequestBody::File { mut file, .. } => {
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes).expect("a readable body");
                bytes
            }
        }
    }

    /// The right to answer; whoever takes it has to.
    pub fn ticket(&mut self) -> Ticket {
        self.ticket.take().expect("not answered yet")
    }

    pub fn handle(&self) -> TicketHandle {
        self.ticket.as_ref().expect("not answered yet").handle()
    }

    pub fn answer(&mut self, reply: Reply) {
        self.ticket().answer(reply);
    }

    /// Answers 200 with this body.
    pub fn text(&mut self, body: &str) {
        self.answer(Reply::Full(status(200), payload(&[body])));
    }

    /// Answers 200 with a file.
    pub fn file(&mut self, file: File, len: u64) {
        self.answer(Reply::File(status(200), FileBody::whole(file, len)));
    }

    /// Waits as an application does that lets others run.
    pub fn unlocked<T>(&self, wait: impl FnOnce() -> T) -> T {
        self.team.lock.without(wait)
    }

    pub fn sleep(&self, time: Duration) {
        self.unlocked(|| thread::sleep(time));
    }

    /// Computes, and keeps the interpreter for itself.
    pub fn burn(&self, time: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < time {
            std::hint::spin_loop();
        }
    }

    /// Answers with parts, outside the pool. Without a permit the answer is 503.
    pub fn stream(&mut self, head: ResponseHead, parts: impl FnOnce(&Body<'_>)) {
        self.stream_as(Reply::Stream, head, parts);
    }

    /// As [`Call::stream`]; the parts are framed already.
    pub fn framed(&mut self, head: ResponseHead, parts: impl FnOnce(&Body<'_>)) {
        self.stream_as(Reply::Framed, head, parts);
    }

    fn stream_as(
        &mut self,
        kind: fn(ResponseHead, handoff::StreamReader) -> Reply,
        head: ResponseHead,
        parts: impl FnOnce(&Body<'_>),
    ) {
        let deadline = Instant::now() + self.worker.stream_wait_timeout();
        let Ok(permit) = self.team.lock.without(|| self.worker.enter_stream(deadline)) else {
            return self.answer(Reply::Full(status(503), Payload::default()));
        };
        self.permit = Some(permit);
        self.team.leave();
        let ticket = self.ticket();
        let (writer, reader) = stream(&ticket.handle(), STREAM_BUFFER);
        ticket.answer_now(kind(head, reader));
        parts(&Body { writer, team: self.team });
    }

    fn run(mut self) -> bool {
        self.team.enter();
        // A panic is answered with 500 by the ticket, and ends the thread.
        self.dies |= catch_unwind(AssertUnwindSafe(|| (self.team.app)(&mut self))).is_err();
        if let Some(permit) = self.permit.take() {
            self.worker.leave_stream(permit);
        } else {
            self.team.leave();
        }
        !self.dies
    }
}

/// A streaming body. It ends as the bridge's: complete, unless it was aborted or lost.
pub struct Body<'a> {
    pub writer: StreamWriter,
    team: &'a Team,
}

impl Body<'_> {
    /// Sends a part, and waits for the client where it is slow. `false`: the client is gone.
    pub fn write(&self, part: &[u8]) -> bool {
        let part = Bytes::copy_from_slice(part);
        loop {
            match self.writer.try_write(&part) {
                Ok(Room::Queued) => return true,
                Ok(Room::Full) => self.unlocked(|| self.writer.wait_for_room(part.len(), Duration::from_secs(1))),
                Err(_) => return false,
            }
        }
    }

    pub fn unlocked<T>(&self, wait: impl FnOnce() -> T) -> T {
        self.team.lock.without(wait)
    }
}

/// Keeps as many threads as the core wants, `min` from the start, until the server stops.
pub(super) fn supervise(team: &Arc<Team>, min: usize) {
    let start = || {
        let team = team.clone();
        thread::spawn(move || work(&team))
    };
    let mut threads: Vec<_> = (0..min).map(|_| start()).collect();
    while team.crew.await_vacancy() {
        threads.push(start());
    }
    for thread in threads {
        thread.join().expect("a thread that ends by itself");
    }
}

/// The life of one thread.
fn work(team: &Team) {
    team.lock.acquire();
    let mut worker = team.crew.join();
    while run_batch(team, &mut worker) {
        if team.lock.without(|| worker.wait()) == Wait::Retire {
            break;
        }
    }
    drop(worker);
    team.lock.release();
}

/// `false`: the thread was killed.
fn run_batch(team: &Team, worker: &mut Worker) -> bool {
    for _ in 0..BATCH {
        // Nothing is upgraded here: there are no visits.
        let Some(Job::Call(call)) = worker.take() else { return true };
        let handoff::Call { request, ticket } = call;
        if ticket.is_abandoned() {
            continue;
        }
        let call = Call { request: *request, ticket: Some(ticket), worker, team, permit: None, dies: false };
        if !call.run() {
            return false;
        }
        if worker.batch_time() >= BATCH_TIME {
            return true;
        }
    }
    true
}
