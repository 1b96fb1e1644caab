-- What wrk found, as the other load generators print it. Times are in microseconds.
function done(summary, latency)
  local wrong = summary.errors
  local failed = wrong.connect + wrong.read + wrong.write + wrong.status + wrong.timeout
  io.write(string.format(
    '\n{"requests":%d,"seconds":%f,"failed":%d,"p50Micros":%d,"p99Micros":%d,"p999Micros":%d}\n',
    summary.requests, summary.duration / 1e6, failed,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)
  ))
end
