import { deepEqual, equal, rejects } from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";

import { compareLatency, renderLatency, sendAtRate, summariseTimings } from "./latency.ts";
import { WORKLOADS } from "./workloads.ts";

let status = 200;
const server = createServer((incoming, response) => {
  incoming.resume().on("end", () => {
    response.writeHead(status, { "content-type": "text/event-stream" });
    response.write('data: "word01"\n\n');
    setImmediate(() => response.end('data: "word02"\n\ndata: "word03"\n\n'));
  });
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
after(() => server.close());
const target = { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, headers: () => ({}) };

test("as many requests are sent as the rate and the time ask for, and the pieces of streams are counted", async () => {
  const timings = await sendAtRate(target, WORKLOADS.W4p, 40, 0.5);
  equal(timings.length, 20);
  deepEqual(new Set(timings.map(({ pieces }) => pieces)), new Set([3]));
  equal(
    timings.every(({ merged, firstMs, wholeMs }) => merged >= 1 && firstMs > 0 && wholeMs >= firstMs),
    true,
  );
});

test("an answer with another status is an error", async () => {
  status = 500;
  await rejects(sendAtRate(target, WORKLOADS.W4p, 10, 0.1), /status 500/);
});

test("what is added is the median of the differences of the rounds", () => {
  const round = (p50: number) => ({ p50, p99: p50 * 2, firstP50: p50 / 2, firstP99: p50, mergedShare: 0.1 });
  const figure = compareLatency("W2", "gateway", { own: [round(3), round(5), round(9)], direct: [round(1), round(4), round(4)] });
  deepEqual(figure.added, { p50: 2, p99: 4, firstP50: 1, firstP99: 2 });
  equal(renderLatency([figure]).split("\n")[2], "| W2 | gateway | 3 | 2.00 | 4.00 | 1.00 | 2.00 | 10.0 (10.0) |");
});

test("percentiles are those of all requests of a round", () => {
  const timings = [1, 2, 3].map((wholeMs) => ({ firstMs: wholeMs / 2, wholeMs, pieces: 10, merged: 1 }));
  const { p50, firstP50, mergedShare } = summariseTimings(timings);
  deepEqual([p50, firstP50, mergedShare], [2, 1, 0.1]);
});
