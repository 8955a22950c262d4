//! The core's figures as a Hash, under Puma's names where it has one (drop-in catalogue §4.2).

use std::time::Duration;

use iodine_core::metrics::Figures;
use magnus::{Error, RHash, Ruby};

use crate::gvl;

/// All of them are Integers, times in microseconds; `queue_times` counts requests by
/// [`iodine_core::metrics::QUEUE_TIME_LIMITS`].
pub(crate) fn hash(ruby: &Ruby, figures: &Figures) -> Result<RHash, Error> {
    let hash = ruby.hash_new();
    let set = |key: &str, value: u64| hash.aset(ruby.to_symbol(key), value);
    let crew = &figures.crew;
    let max_threads = crew.max_threads;
    let idle = crew.threads.saturating_sub(crew.running);
    set("backlog", crew.backlog as u64)?;
    set("running", crew.threads as u64)?;
    set("pool_capacity", (idle + max_threads.saturating_sub(crew.threads)) as u64)?;
    set("busy_threads", (crew.running + crew.backlog) as u64)?;
    set("io_threads", crew.streams as u64)?;
    set("backlog_max", figures.backlog_max as u64)?;
    set("max_threads", max_threads as u64)?;
    set("requests_count", figures.queue_times.requests())?;
    set("reactor_max", figures.http_max as u64)?;
    set("streams", crew.streams as u64)?;
    set("connections", (figures.http + figures.websockets + figures.event_streams) as u64)?;
    set("http_connections", figures.http as u64)?;
    set("websockets", figures.websockets as u64)?;
    set("event_streams", figures.event_streams as u64)?;
    set("bytes_received", figures.received)?;
    set("bytes_sent", figures.sent)?;
    for (class, count) in figures.responses.iter().enumerate() {
        set(&format!("responses_{}xx", class + 1), *count)?;
    }
    set("queue_time", micros(figures.queue_times.total))?;
    hash.aset(ruby.to_symbol("queue_times"), ruby.ary_from_iter(figures.queue_times.counts))?;
    set("gvl_wait", micros(gvl::waited()))?;
    set("publications", figures.publications)?;
    set("deliveries", figures.deliveries)?;
    Ok(hash)
}

fn micros(duration: Duration) -> u64 {
    duration.as_micros() as u64
}
