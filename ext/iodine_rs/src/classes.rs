//! Ruby classes of Rust types.

use magnus::{Error, Module, RClass, RModule, Ruby, TypedData};

/// Defines the class `name` of `T` in `module`, and looks it up once: magnus would do so at the first use, in Ruby code
/// under a lock of Rust's. Ruby may switch threads there, and the next one would wait for that lock with the GVL, for ever.
///
/// # Errors
/// When there is something else of that name.
pub(crate) fn define<T: TypedData>(ruby: &Ruby, module: RModule, name: &str) -> Result<RClass, Error> {
    module.define_class(name, ruby.class_object())?;
    Ok(T::class(ruby))
}
