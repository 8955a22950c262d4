//! What a call into Ruby ended with when it did not return: an exception, or the end of the thread (`Thread#kill`,
//! which magnus shows as a jump).
//!
//! Two rules, both learnt from crashes. An exception that we raise is made here and now: magnus makes it while it
//! leaves for Ruby, where a pending kill would abort the process. And once a kill has been caught, and more Ruby code is
//! to run (close, callbacks), `$!` has to be a legal value again; the jump is then never resumed, the thread ends by
//! returning.

use magnus::error::ErrorType;
use magnus::value::{Lazy, ReprValue};
use magnus::{Class, Error, ExceptionClass, Module, RModule, Ruby, Value};
use rb_sys::{Qnil, rb_set_errinfo};

static APP_ERROR: Lazy<ExceptionClass> = Lazy::new(|ruby| ours(ruby, "AppError"));
static CONFIG_ERROR: Lazy<ExceptionClass> = Lazy::new(|ruby| ours(ruby, "ConfigError"));
static FORCE_SHUTDOWN: Lazy<ExceptionClass> = Lazy::new(|ruby| ours(ruby, "ForceShutdown"));

/// Defined by lib/iodine_rs/errors.rb, which is loaded before this library.
fn ours(ruby: &Ruby, name: &str) -> ExceptionClass {
    let module: Result<RModule, Error> = ruby.class_object().const_get("IodineRs");
    module.and_then(|module| module.const_get(name)).unwrap_or_else(|_| ruby.exception_runtime_error())
}

/// Resolves what is needed later, while nothing can interrupt.
pub(crate) fn init(ruby: &Ruby) {
    Lazy::force(&APP_ERROR, ruby);
    Lazy::force(&CONFIG_ERROR, ruby);
    Lazy::force(&FORCE_SHUTDOWN, ruby);
}

/// An exception, made now.
pub(crate) fn error(class: ExceptionClass, message: &str) -> Error {
    match class.new_instance((message,)) {
        Ok(exception) => exception.into(),
        Err(error) => error,
    }
}

/// An `IodineRs::AppError`: what the app did, and how to mend it.
pub(crate) fn app_error(ruby: &Ruby, message: &str) -> Error {
    error(ruby.get_inner(&APP_ERROR), message)
}

/// An `IodineRs::ConfigError`: what cannot be used, and why.
pub(crate) fn config_error(ruby: &Ruby, message: &str) -> Error {
    error(ruby.get_inner(&CONFIG_ERROR), message)
}

/// Whether the app was interrupted because the server does not wait any longer.
pub(crate) fn is_forced(ruby: &Ruby, error: &Error) -> bool {
    error.is_kind_of(ruby.get_inner(&FORCE_SHUTDOWN))
}

/// Whether the thread is to end.
pub(crate) fn is_kill(error: &Error) -> bool {
    matches!(error.error_type(), ErrorType::Jump(_))
}

/// The exception behind an error; `None` for a kill.
pub(crate) fn exception(error: &Error) -> Option<Value> {
    match error.error_type() {
        ErrorType::Jump(_) => None,
        ErrorType::Error(class, message) => match class.new_instance((message.as_ref(),)) {
            Ok(exception) => Some(exception.as_value()),
            Err(error) => error.value(),
        },
        ErrorType::Exception(exception) => Some(exception.as_value()),
    }
}

/// For results of Ruby code after which more Ruby code runs.
pub(crate) trait Caught<T>: Sized {
    /// Makes a kill harmless for the Ruby code that follows. It stays an error.
    fn caught(self) -> Result<T, Error>;

    /// `None` for an exception; a kill stays an error, because Ruby does not kill a thread twice.
    fn or_none(self) -> Result<Option<T>, Error> {
        match self.caught() {
            Ok(value) => Ok(Some(value)),
            Err(error) if is_kill(&error) => Err(error),
            Err(_) => Ok(None),
        }
    }
}

impl<T> Caught<T> for Result<T, Error> {
    fn caught(self) -> Result<T, Error> {
        if self.as_ref().is_err_and(is_kill) {
            // SAFETY: the GVL is held; nil is a legal `$!`.
            unsafe { rb_set_errinfo(Qnil.into()) };
        }
        self
    }
}
