import { deepEqual, equal, throws } from "node:assert/strict";
import { test } from "node:test";

import type { WrkReport } from "./wrk.ts";
import { parseWrkReport, reportProblem, wrkArguments } from "./wrk.ts";

const REPORT: WrkReport = {
  requests: 950,
  durationUs: 3010000,
  bytes: 760000,
  connectErrors: 0,
  readErrors: 0,
  writeErrors: 0,
  statusErrors: 0,
  timeouts: 0,
  p50Us: 150660,
  p99Us: 151490,
};

// wrk 4.1.0 with post.lua's line behind its own report
const OUTPUT = `Running 3s test @ http://127.0.0.1:19991/v1/chat/completions
  1 threads and 50 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   150.67ms  213.71us 151.52ms   70.32%
    Req/Sec   369.37    129.50   505.00     52.63%
  950 requests in 3.01s, 742.19KB read
Requests/sec:    315.90
Transfer/sec:    246.57KB

BENCH ${JSON.stringify(REPORT)}
`;

test("the report is read from behind what wrk prints itself", () => {
  deepEqual(parseWrkReport(OUTPUT), REPORT);
});

test("output without a report is an error that shows what wrk said", () => {
  throws(() => parseWrkReport("unable to connect to 127.0.0.1:1 Connection refused\n"), /no report; it said: unable to connect/);
});

test("a report without one of its numbers is an error that names it", () => {
  const { p99Us: _, ...rest } = REPORT;
  throws(() => parseWrkReport(`BENCH ${JSON.stringify(rest)}`), /no number "p99Us"/);
});

test("a clean report has no problem", () => {
  equal(reportProblem(REPORT, 800), undefined);
});

test("each kind of error is a problem, and is named with its count", () => {
  const problem = reportProblem({ ...REPORT, connectErrors: 1, readErrors: 2, writeErrors: 3, statusErrors: 4, timeouts: 5 }, 800);
  equal(problem, "errors: connect 1, read 2, write 3, status 4xx or 5xx 4, timeout 5");
});

test("a window without answers is a problem", () => {
  equal(reportProblem({ ...REPORT, requests: 0, bytes: 0 }, 800), "no request was completed");
});

test("answers shorter than the one that was checked are a problem", () => {
  equal(reportProblem(REPORT, 801), "answers of 800 bytes on average, head included; the checked body alone has 801");
});

test("the arguments hold the load, each header, and the body behind the dashes", () => {
  const args = wrkArguments({
    url: "http://127.0.0.1:1/v1/messages",
    seconds: 4,
    connections: 50,
    headers: { "content-type": "application/json", "x-api-key": "k" },
    bodyFile: "body.json",
    scriptFile: "post.lua",
  });
  deepEqual(args, [
    "-t1",
    "-c50",
    "-d4s",
    "--timeout",
    "10s",
    "-H",
    "content-type: application/json",
    "-H",
    "x-api-key: k",
    "-s",
    "post.lua",
    "http://127.0.0.1:1/v1/messages",
    "--",
    "body.json",
  ]);
});
