/**
 * Loaded into a gateway before its own code (`--import`): answers each connection to the socket named by `BENCH_HEAP_SOCKET` with what the process has allocated and collected since its start, as
 * one line of JSON, and closes it.
 */
import { createServer } from "node:net";
import { constants, PerformanceObserver } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";
import { isMainThread } from "node:worker_threads";

const path = process.env["BENCH_HEAP_SOCKET"];
if (path !== undefined && isMainThread) {
  let minor = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      // Only entries of "gc" are observed: their detail is not among the types.
      const { detail } = entry as unknown as { readonly detail: { readonly kind: number } };
      if (detail.kind === constants.NODE_PERFORMANCE_GC_MINOR) minor++;
    }
  }).observe({ entryTypes: ["gc"] });
  createServer((socket) => {
    // Node's types do not know the figure yet.
    const { total_allocated_bytes: allocated } = getHeapStatistics() as unknown as { readonly total_allocated_bytes: number };
    socket.end(`${JSON.stringify({ allocated, minor })}\n`);
  })
    .listen(path)
    .unref();
}
