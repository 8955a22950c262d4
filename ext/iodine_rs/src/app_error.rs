//! Answers an application should not give, as exceptions that say how to mend them.

use magnus::value::Lazy;
use magnus::{Error, ExceptionClass, Module, RModule, Ruby};

static CLASS: Lazy<ExceptionClass> = Lazy::new(|ruby| {
    // Defined by lib/iodine_rs/errors.rb, which is loaded before this library.
    let module: Result<RModule, Error> = ruby.class_object().const_get("IodineRs");
    module.and_then(|module| module.const_get("AppError")).unwrap_or_else(|_| ruby.exception_runtime_error())
});

/// An `IodineRs::AppError`.
pub(crate) fn new(ruby: &Ruby, message: String) -> Error {
    Error::new(ruby.get_inner(&CLASS), message)
}
