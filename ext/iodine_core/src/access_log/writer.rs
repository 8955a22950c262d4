//! The thread that writes the lines.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, Thread};
use std::time::Duration;

use crossbeam_channel::Receiver;

use super::{AccessLogSettings, Format, Message, Remote, State, Target};
use crate::log::{Complaints, Log};

/// Bytes of lines that are written at once.
const BATCH: usize = 64 * 1024;

/// How long lines may lie before they are written, while others come.
const TICK: Duration = Duration::from_millis(20);

/// How long the number of dropped lines may remain untold when no line comes any more.
const PAUSE: Duration = Duration::from_secs(1);

/// Starts it; it ends when the queue is closed and empty.
///
/// # Errors
/// When the file cannot be opened, or the system gives no thread.
pub(super) fn start(
    settings: AccessLogSettings,
    messages: Receiver<Message>,
    state: Arc<State>,
    log: Log,
) -> io::Result<Thread> {
    let sink = Sink::open(settings.target)?;
    let writer = Writer {
        format: settings.format,
        remote: settings.remote,
        text: String::new(),
        sink,
        state,
        log,
        complaints: Complaints::default(),
    };
    let handle = thread::Builder::new().name("iodine-rs access log".into()).spawn(move || writer.run(&messages))?;
    Ok(handle.thread().clone())
}

struct Writer {
    format: Format,
    remote: Remote,
    /// Lines that wait for the end of their batch.
    text: String,
    sink: Sink,
    state: Arc<State>,
    log: Log,
    complaints: Complaints,
}

impl Writer {
    fn run(mut self, messages: &Receiver<Message>) {
        loop {
            let closed = self.state.closed.load(Ordering::SeqCst);
            let busy = self.write_all(messages);
            self.report();
            if closed && !busy {
                return;
            }
            if busy {
                thread::park_timeout(TICK);
                continue;
            }
            self.state.asleep.store(true, Ordering::SeqCst);
            // Asked again after the mark is visible: whoever comes later wakes this thread.
            let quiet = messages.is_empty() && !self.state.closed.load(Ordering::SeqCst);
            if quiet && !self.state.reopen.load(Ordering::SeqCst) {
                // What was dropped is told, though not every moment.
                if self.state.dropped.load(Ordering::SeqCst) > 0 { thread::park_timeout(PAUSE) } else { thread::park() }
            }
            self.state.asleep.store(false, Ordering::SeqCst);
        }
    }

    /// Whether there was anything to write.
    fn write_all(&mut self, messages: &Receiver<Message>) -> bool {
        if self.state.reopen.swap(false, Ordering::SeqCst) {
            let reopened = self.sink.reopen();
            self.complain(reopened, "goes on in the old file");
        }
        let mut busy = false;
        while let Ok(message) = messages.try_recv() {
            busy = true;
            match message {
                Message::Line(facts) => self.format.line(&facts, &self.remote, &mut self.text),
                // Dropped with the last of its lines written.
                Message::Flush(_written) => self.write(),
            }
            if self.text.len() >= BATCH {
                self.write();
            }
        }
        self.write();
        busy
    }

    fn write(&mut self) {
        if self.text.is_empty() {
            return;
        }
        let written = self.sink.write(self.text.as_bytes());
        self.text.clear();
        self.complain(written, "lines are lost");
    }

    fn complain(&mut self, outcome: io::Result<()>, consequence: &str) {
        if let Err(error) = outcome {
            if self.complaints.due() {
                self.log.line(&format!("the access log cannot be written ({error}): {consequence}"));
            }
        }
    }

    fn report(&mut self) {
        if self.state.dropped.load(Ordering::Relaxed) > 0 && self.complaints.due() {
            let lost = self.state.dropped.swap(0, Ordering::Relaxed);
            self.log.line(&format!("{lost} lines of the access log were dropped: more than access_log_queue waited"));
        }
    }
}

enum Sink {
    /// By its number: the process may have put another file behind it.
    Stdout,
    File(File, Arc<Path>),
    Pipe(File),
}

impl Sink {
    fn open(target: Target) -> io::Result<Sink> {
        match target {
            Target::Stdout => Ok(Sink::Stdout),
            Target::File(path) => Ok(Sink::File(append(&path)?, path.into())),
            Target::Pipe(fd) => Ok(Sink::Pipe(File::from(fd.try_clone()?))),
        }
    }

    fn reopen(&mut self) -> io::Result<()> {
        if let Sink::File(file, path) = self {
            *file = append(path)?;
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Sink::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(bytes)?;
                stdout.flush()
            }
            Sink::File(file, _) | Sink::Pipe(file) => file.write_all(bytes),
        }
    }
}

fn append(path: &Path) -> io::Result<File> {
    File::options().append(true).create(true).open(path)
}
