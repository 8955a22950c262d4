//! `IodineRs::PubSub::RedisBridge`: see `iodine_core::pubsub::redis`.

use std::mem::ManuallyDrop;
use std::os::fd::RawFd;
use std::sync::Arc;

use iodine_core::log;
use iodine_core::pubsub::redis::Redis;
use magnus::{Error, Module, Object, RModule, Ruby, function, method};

use crate::{classes, descriptor, fork, gvl, raised};

#[magnus::wrap(class = "IodineRs::PubSub::RedisBridge", free_immediately, size)]
struct RedisBridge {
    /// Left alone, never dropped, in a forked child: its threads are the parent's.
    redis: ManuallyDrop<Arc<Redis>>,
    forks: u64,
}

pub(super) fn init(ruby: &Ruby, pubsub: RModule) -> Result<(), Error> {
    let class = classes::define::<RedisBridge>(ruby, pubsub, "RedisBridge")?;
    class.define_singleton_method("new", function!(RedisBridge::new, 2))?;
    class.define_singleton_method("check", function!(check, 1))?;
    class.define_method("start", method!(RedisBridge::start, 0))?;
    class.define_method("stop", method!(RedisBridge::stop, 0))
}

/// `RedisBridge.check(url)`: raises ArgumentError where it is none.
fn check(ruby: &Ruby, url: String) -> Result<(), Error> {
    Redis::check(&url).map_err(|error| raised::error(ruby.exception_arg_error(), &error))
}

impl RedisBridge {
    /// `RedisBridge.new(url, fd)`: between the Redis there and the connected socket, whose descriptor is duplicated.
    fn new(ruby: &Ruby, url: String, fd: RawFd) -> Result<RedisBridge, Error> {
        let redis = descriptor::duplicate(fd)
            .and_then(|socket| Redis::new(&url, socket, log::write_through))
            .map_err(|error| raised::error(ruby.exception_io_error(), &format!("redis: {error}")))?;
        Ok(RedisBridge { redis: ManuallyDrop::new(Arc::new(redis)), forks: fork::generation() })
    }

    /// `start`: begin to bring publications.
    fn start(ruby: &Ruby, this: &RedisBridge) -> Result<(), Error> {
        this.redis.start().map_err(|error| raised::error(ruby.exception_io_error(), &format!("redis: {error}")))
    }

    /// `stop`: end its threads; a fork may follow.
    fn stop(_ruby: &Ruby, this: &RedisBridge) -> Result<(), Error> {
        let redis = Arc::clone(&this.redis);
        while gvl::without(|| redis.stop(), || {}).is_none() {
            gvl::check_interrupts()?;
        }
        Ok(())
    }
}

impl Drop for RedisBridge {
    fn drop(&mut self) {
        if !fork::is_child(self.forks) {
            // SAFETY: dropped once, here, in the process that made it; `self.redis` is not used again.
            unsafe { ManuallyDrop::drop(&mut self.redis) };
        }
    }
}
