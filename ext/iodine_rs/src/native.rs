//! `IodineRs::Native`: a server as Ruby sees it. Ruby owns the process (sockets, fork, signals, threads); this class
//! lends it the core.

use std::cell::{Cell, OnceCell, RefCell};
use std::os::fd::{OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use iodine_core::log::Log;
use iodine_core::metrics::QUEUE_TIME_LIMITS;
use iodine_core::net::Binding;
use iodine_core::server::Server;
use iodine_core::settings::{Format, Settings};
use magnus::gc::Marker;
use magnus::typed_data::Obj;
use magnus::{DataTypeFunctions, Error, Module, Object, RHash, RModule, Ruby, TypedData, Value, function, method};

use crate::rack::Context;
use crate::raised::{self, Caught};
use crate::settings::{self, Reader};
use crate::tls::TlsAcceptor;
use crate::{classes, descriptor, fork, gvl, realtime, stats, worker};

#[derive(TypedData)]
#[magnus(class = "IodineRs::Native", free_immediately, mark, size)]
struct Native {
    settings: Settings,
    context: Context,
    bindings: RefCell<Vec<Binding>>,
    running: OnceCell<Running>,
    halted: Cell<bool>,
}

struct Running {
    /// Left alone, never dropped, in a forked child: tokio does not survive a fork.
    server: std::mem::ManuallyDrop<Arc<Server>>,
    forks: u64,
    pid: u32,
}

impl DataTypeFunctions for Native {
    fn mark(&self, marker: &Marker) {
        self.context.mark(marker);
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }
}

pub(crate) fn init(ruby: &Ruby, module: RModule) -> Result<(), Error> {
    let class = classes::define::<Native>(ruby, module, "Native")?;
    class.const_set("QUEUE_TIME_LIMITS", ruby.ary_from_iter(QUEUE_TIME_LIMITS))?;
    class.define_singleton_method("new", function!(Native::new, 2))?;
    class.define_method("listen", method!(Native::listen, 3))?;
    class.define_method("start", method!(Native::start, 0))?;
    class.define_method("work", method!(Native::work, 0))?;
    class.define_method("await_vacancy", method!(Native::await_vacancy, 0))?;
    class.define_method("drain", method!(Native::drain, 0))?;
    class.define_method("await_drained", method!(Native::await_drained, 1))?;
    class.define_method("reopen_access_log", method!(Native::reopen_access_log, 0))?;
    class.define_singleton_method("check_log_format", function!(check_log_format, 1))?;
    class.define_singleton_method("keep_from_children", function!(keep_from_children, 1))?;
    class.define_method("resize", method!(Native::resize, 2))?;
    class.define_method("die_with", method!(Native::die_with, 1))?;
    class.define_method("halt", method!(Native::halt, 0))?;
    class.define_method("stats", method!(Native::stats, 1))
}

impl Native {
    /// `IodineRs::Native.new(app, settings)`: a Rack app and a complete Hash of settings.
    fn new(ruby: &Ruby, app: Value, settings: RHash) -> Result<Native, Error> {
        let reader = Reader::new(ruby, settings);
        let settings = settings::read(&reader)?;
        let context = Context::new(ruby, app, &reader, &settings)?;
        Ok(Native {
            settings,
            context,
            bindings: RefCell::default(),
            running: OnceCell::new(),
            halted: Cell::new(false),
        })
    }

    /// `listen(fd, url, acceptor or nil)`: accept on this bound and listening socket; the descriptor is duplicated.
    fn listen(
        ruby: &Ruby,
        this: Obj<Self>,
        fd: RawFd,
        url: String,
        tls: Option<Obj<TlsAcceptor>>,
    ) -> Result<(), Error> {
        let socket = duplicate(ruby, "listen", fd)?;
        this.bindings.borrow_mut().push(Binding { socket, url, tls: tls.map(|tls| tls.acceptor()) });
        Ok(())
    }

    /// `start`: begin to accept, in this process.
    fn start(ruby: &Ruby, this: Obj<Self>) -> Result<Obj<Self>, Error> {
        if this.running.get().is_some() {
            return Err(raised::error(
                ruby.exception_runtime_error(),
                "this server was started already; make a new one",
            ));
        }
        let bindings = this.bindings.take();
        let server = Log::to_stderr()
            .and_then(|log| Server::start(this.settings.clone(), bindings, realtime::hub(), log))
            .map_err(|error| io_error(ruby, "start", &error))?;
        realtime::serve_with(&server);
        let _ = this.context.realtime.set(server.realtime().clone());
        let running = Running {
            server: std::mem::ManuallyDrop::new(Arc::new(server)),
            forks: fork::generation(),
            pid: std::process::id(),
        };
        let _ = this.running.set(running);
        Ok(this)
    }

    /// `work`: serve on the calling thread until it is surplus or the server has stopped.
    fn work(ruby: &Ruby, this: Obj<Self>) -> Result<(), Error> {
        let server = this.server(ruby)?;
        match worker::run(ruby, &this.context, server.crew()).caught() {
            // See `raised`: a kill that was caught ends the thread by returning.
            Err(error) if raised::is_kill(&error) => Ok(()),
            outcome => outcome,
        }
    }

    /// `await_vacancy`: true when one more thread should call `work`, false when the server has stopped.
    fn await_vacancy(ruby: &Ruby, this: Obj<Self>) -> Result<bool, Error> {
        let server = this.server(ruby)?;
        let crew = server.crew().clone();
        loop {
            let vacancy = gvl::without(|| crew.await_vacancy(), || crew.interrupt_supervisor());
            if crew.is_stopped() || vacancy == Some(true) {
                return Ok(vacancy == Some(true));
            }
            gvl::check_interrupts()?;
        }
    }

    /// `drain`: stop accepting, close idle connections, finish requests in flight. Returns at once.
    fn drain(ruby: &Ruby, this: Obj<Self>) -> Result<(), Error> {
        this.server(ruby)?.drain();
        Ok(())
    }

    /// `await_drained(seconds or nil)`: true when every connection has ended, false at the limit.
    fn await_drained(ruby: &Ruby, this: Obj<Self>, limit: Option<f64>) -> Result<bool, Error> {
        let server = this.server(ruby)?;
        let deadline = match limit.map(Duration::try_from_secs_f64) {
            Some(Ok(limit)) => Some(std::time::Instant::now() + limit),
            Some(Err(error)) => return Err(raised::error(ruby.exception_arg_error(), &format!("limit: {error}"))),
            None => None,
        };
        loop {
            let left = deadline.map(|at| at.saturating_duration_since(std::time::Instant::now()));
            let drained = gvl::without(|| server.await_drained(left), || server.interrupt_wait());
            gvl::check_interrupts()?;
            if drained == Some(true) || left.is_some_and(|left| left.is_zero()) {
                return Ok(drained == Some(true));
            }
        }
    }

    /// `reopen_access_log`: its file was moved away. Returns at once; may be called in a signal handler.
    fn reopen_access_log(ruby: &Ruby, this: Obj<Self>) -> Result<(), Error> {
        this.server(ruby)?.reopen_access_log();
        Ok(())
    }

    /// `resize(min_threads, max_threads)`: other limits from now on.
    fn resize(ruby: &Ruby, this: Obj<Self>, min_threads: usize, max_threads: usize) -> Result<(), Error> {
        this.server(ruby)?.crew().resize(min_threads, max_threads);
        Ok(())
    }

    /// `die_with(fd)`: the process ends some time after the pipe of which this is the reading end; it is duplicated.
    fn die_with(ruby: &Ruby, this: Obj<Self>, fd: RawFd) -> Result<(), Error> {
        let lifeline = duplicate(ruby, "die_with", fd)?;
        this.server(ruby)?.die_with(lifeline);
        Ok(())
    }

    /// `halt`: stop everything now. Idempotent.
    fn halt(ruby: &Ruby, this: Obj<Self>) -> Result<(), Error> {
        let Ok(server) = this.server(ruby) else { return Ok(()) };
        while !this.halted.get() {
            match gvl::without(|| server.halt(), || {}) {
                Some(()) => this.halted.set(true),
                None => gvl::check_interrupts()?,
            }
        }
        Ok(())
    }

    /// `stats(begin_anew)`: a Hash of figures; with `true` the maxima count from now on.
    fn stats(ruby: &Ruby, this: Obj<Self>, begin_anew: bool) -> Result<RHash, Error> {
        let figures = this.server(ruby)?.figures(begin_anew);
        stats::hash(ruby, &figures)
    }

    fn server(&self, ruby: &Ruby) -> Result<Arc<Server>, Error> {
        let error = |message: &str| Err(raised::error(ruby.exception_runtime_error(), message));
        match self.running.get() {
            None => error("the server is not running; call `start` first"),
            Some(running) if fork::is_child(running.forks) => error(&format!(
                "the server runs in process {}, this is {}: a forked child cannot use it; start one after the fork",
                running.pid,
                std::process::id()
            )),
            Some(running) => Ok(Arc::clone(&running.server)),
        }
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        if let Some(running) = self.running.get_mut() {
            if !fork::is_child(running.forks) {
                running.server.halt();
                // SAFETY: dropped once, here, in the process that made it; `running` is not used again.
                unsafe { std::mem::ManuallyDrop::drop(&mut running.server) };
            }
        }
    }
}

/// `Native.check_log_format(text)`: raises an ArgumentError that says what is wrong with it.
fn check_log_format(ruby: &Ruby, text: String) -> Result<(), Error> {
    Format::parse(&text).map(drop).map_err(|mistake| raised::error(ruby.exception_arg_error(), &mistake.0))
}

/// `Native.keep_from_children(fd)`: a copy of this descriptor stays open until this process ends; no child has it.
fn keep_from_children(ruby: &Ruby, fd: RawFd) -> Result<(), Error> {
    fork::keep_from_children(duplicate(ruby, "keep_from_children", fd)?);
    Ok(())
}

fn duplicate(ruby: &Ruby, what: &str, fd: RawFd) -> Result<OwnedFd, Error> {
    descriptor::duplicate(fd).map_err(|error| io_error(ruby, what, &error))
}

fn io_error(ruby: &Ruby, what: &str, error: &std::io::Error) -> Error {
    raised::error(ruby.exception_io_error(), &format!("{what}: {error}"))
}
