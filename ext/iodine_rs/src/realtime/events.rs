//! A visit to a mailbox: its events as callbacks.

use bytes::Bytes;
use iodine_core::handoff::{Event, Visit};
use magnus::typed_data::Obj;
use magnus::value::ReprValue;
use magnus::{Error, Ruby, Value};

use super::connection::{Connection, InVisit};
use super::handler::Callback;
use super::{message, registry};
use crate::fork;
use crate::rack::Context;
use crate::raised::{Caught, is_kill};

/// Events handled before others have their turn.
const BATCH: usize = 16;

/// Handles what waits in one mailbox.
///
/// # Errors
/// Only what must end the thread (`Thread#kill`); everything else is logged here. The events left behind get another
/// visit.
pub(crate) fn serve(ruby: &Ruby, cx: &Context, mut visit: Visit) -> Result<(), Error> {
    let Some(connection) = registry::get(ruby, visit.id())? else {
        // Ended, and forgotten: what came for it afterwards is nobody's.
        while visit.take().is_some() {}
        return Ok(());
    };
    connection.enter();
    let outcome = handle_batch(ruby, cx, connection, &mut visit);
    connection.leave();
    if fork::is_child(cx.forks) {
        // A child that the app forked in a callback: the rest is the parent's.
        std::mem::forget(visit);
    }
    outcome
}

fn handle_batch(ruby: &Ruby, cx: &Context, connection: Obj<Connection>, visit: &mut Visit) -> Result<(), Error> {
    for _ in 0..BATCH {
        let Some(event) = visit.take() else { break };
        let (place, outcome) = handle(ruby, connection, event);
        if let Err(error) = outcome.caught() {
            if is_kill(&error) {
                return Err(error);
            }
            cx.log_error(ruby, &error, connection.env(ruby), place)?;
        }
        if fork::is_child(cx.forks) {
            break;
        }
    }
    Ok(())
}

/// The name of the callback, for the log, and how it went.
fn handle(ruby: &Ruby, this: Obj<Connection>, event: Event) -> (&'static str, Result<(), Error>) {
    let handler = this.current_handler();
    match event {
        Event::Open => {
            this.set_opened();
            ("on_open", handler.call(ruby, Callback::Open, this))
        }
        Event::Text(text) => ("on_message", on_message(ruby, this, &text, true)),
        Event::Binary(data) => ("on_message", on_message(ruby, this, &data, false)),
        Event::Drained => (Callback::Drained.name(handler.mixin), handler.call(ruby, Callback::Drained, this)),
        Event::Shutdown => {
            let outcome = handler.call(ruby, Callback::Shutdown, this);
            this.client().close(1001, "the server is shutting down");
            ("on_shutdown", outcome)
        }
        Event::Ending(code, reason) => {
            this.client().close(code, reason);
            ("closing", Ok(()))
        }
        Event::Close => ("on_close", on_close(ruby, this)),
        Event::Publication(publication, channel) => {
            let outcome = this.block(ruby, &channel).and_then(|block| match block {
                Some(block) => {
                    let source = message::string(ruby, publication.channel(), is_text(publication.channel()));
                    let data = message::string(ruby, publication.payload(), publication.is_text());
                    block.funcall::<_, _, Value>("call", (source, data)).map(drop)
                }
                // Unsubscribed meanwhile.
                None => Ok(()),
            });
            ("subscription", outcome)
        }
        Event::Deferred => ("defer", run_deferred(ruby, this)),
    }
}

fn is_text(bytes: &Bytes) -> bool {
    std::str::from_utf8(bytes).is_ok()
}

fn on_message(ruby: &Ruby, this: Obj<Connection>, data: &Bytes, text: bool) -> Result<(), Error> {
    let data = message::string(ruby, data, text);
    this.current_handler().on_message(ruby, this, data)
}

/// The last event. It is forgotten before its callback, which counts only those that are left.
fn on_close(ruby: &Ruby, this: Obj<Connection>) -> Result<(), Error> {
    registry::remove(ruby, this.client().id())?;
    // A connection that never opened (its client left before) has nothing to close.
    if this.is_opened() { this.current_handler().call(ruby, Callback::Close, this) } else { Ok(()) }
}

fn run_deferred(ruby: &Ruby, this: Obj<Connection>) -> Result<(), Error> {
    let Some(block) = this.next_deferred(ruby)? else { return Ok(()) };
    if !this.client().is_open() {
        return Ok(());
    }
    let handler = this.current_handler();
    let argument = if handler.mixin { handler.object(ruby) } else { this.as_value() };
    block.funcall::<_, _, Value>("call", (argument,)).map(drop)
}
