//! Lines for the operator, written by a thread of their own: a full pipe or disk never holds up a connection.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

/// Lines that may wait for the log; more are counted and dropped.
const CAPACITY: usize = 1024;

/// Between two lines about the same.
const PEACE: Duration = Duration::from_secs(1);

/// A handle to the log. Clones write to the same log.
#[derive(Debug, Clone)]
pub struct Log {
    lines: Sender<String>,
    dropped: Arc<AtomicU64>,
}

impl Log {
    /// A log on standard error.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn to_stderr() -> std::io::Result<Log> {
        let (log, lines) = Log::channel();
        let dropped = log.dropped.clone();
        thread::Builder::new().name("iodine-rs log".into()).spawn(move || write_all(&lines, &dropped))?;
        Ok(log)
    }

    /// A log whose lines the caller reads.
    pub fn channel() -> (Log, Receiver<String>) {
        let (lines, reader) = bounded(CAPACITY);
        (Log { lines, dropped: Arc::default() }, reader)
    }

    /// Writes one line, with the time in front.
    pub fn line(&self, text: &str) {
        if self.lines.try_send(format!("{} {text}", now())).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Writes one line to standard error on the calling thread, which may have to wait for its reader.
pub fn write_through(text: &str) {
    // A log that cannot be written has nowhere to say so.
    let _ = writeln!(std::io::stderr(), "{} {text}", now());
}

fn write_all(lines: &Receiver<String>, dropped: &AtomicU64) {
    for line in lines {
        // A log that cannot be written has nowhere to say so.
        let _ = writeln!(std::io::stderr(), "{line}");
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let _ = writeln!(std::io::stderr(), "{} {lost} log lines were dropped: the log is too slow", now());
        }
    }
}

/// `2026-11-21 03:20:52 +0000`, as Puma writes it.
fn now() -> String {
    let now = time::OffsetDateTime::now_utc();
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02} +0000",
        now.year(),
        u8::from(now.month()),
        now.day(),
        now.hour(),
        now.minute(),
        now.second()
    )
}

/// Counts what was lost, and tells how much: a second after the first one, once a second at most.
#[derive(Debug)]
pub struct Losses {
    lost: Arc<AtomicU64>,
    tell: fn(u64),
}

impl Losses {
    /// `tell` gets their number, on a thread of its own.
    pub fn new(tell: fn(u64)) -> Losses {
        Losses { lost: Arc::default(), tell }
    }

    /// One more. Never waits.
    pub fn note(&self) {
        if self.lost.fetch_add(1, Ordering::SeqCst) > 0 {
            return;
        }
        let (lost, tell) = (self.lost.clone(), self.tell);
        let told = thread::Builder::new().name("iodine-rs losses".into()).spawn(move || {
            thread::sleep(PEACE);
            tell(lost.swap(0, Ordering::SeqCst));
        });
        if told.is_err() {
            (self.tell)(self.lost.swap(0, Ordering::SeqCst));
        }
    }
}

/// Keeps one kind of complaint down to one line a second.
#[derive(Debug, Default)]
pub(crate) struct Complaints {
    last: Option<Instant>,
}

impl Complaints {
    /// Whether it may be said again.
    pub(crate) fn due(&mut self) -> bool {
        let due = self.last.is_none_or(|last| last.elapsed() >= PEACE);
        if due {
            self.last = Some(Instant::now());
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    static TOLD: Mutex<Vec<u64>> = Mutex::new(Vec::new());

    #[test]
    fn losses_are_told_once_with_their_number() {
        let losses = Losses::new(|lost| TOLD.lock().expect("a list").push(lost));
        (0..500).for_each(|_| losses.note());
        let begun = Instant::now();
        while TOLD.lock().expect("a list").is_empty() {
            assert!(begun.elapsed() < 10 * PEACE, "nothing was told");
            thread::yield_now();
        }
        assert!(begun.elapsed() >= PEACE / 2);
        assert_eq!(*TOLD.lock().expect("a list"), [500]);
    }
}
