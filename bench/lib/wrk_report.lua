-- Prints the figures of a run as one line of JSON. With BENCH_REQUESTS the run ends after that many answers.

local limit = tonumber(os.getenv("BENCH_REQUESTS"))

-- wrk inspects every answer once this function exists, so it exists only where it is needed.
if limit then
  local answered = 0
  function response()
    answered = answered + 1
    if answered == limit then wrk.thread:stop() end
  end
end

function done(summary, latency)
  local failed = summary.errors
  io.write(string.format(
    'BENCH {"requests":%d,"seconds":%.6f,"p50_ms":%.3f,"p99_ms":%.3f,"max_ms":%.3f,"errors":%d}\n',
    summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3,
    failed.connect + failed.read + failed.write + failed.status + failed.timeout))
end
