import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import type { FaultServer } from "./fault-server.ts";
import { createFaultServer } from "./fault-server.ts";
import { FAULT_TEXT, FAULT_USAGE, healthyJson, healthyScript, scriptFrames } from "./fault-wire.ts";
import type { FaultName } from "./faults.ts";
import { faultNames, faults } from "./faults.ts";
import type { RawAnswer } from "./raw-client.ts";
import { createRawClient } from "./raw-client.ts";
import { PROTOCOLS } from "./scenario.ts";
import type { Protocol } from "./scenario.ts";
import { readEventData } from "./sse-reference.ts";

type Seen = RawAnswer & { readonly protocol: Protocol; readonly isStream: boolean };
type Check = (seen: Seen) => void;

let server: FaultServer;
before(async () => {
  server = await createFaultServer();
});
after(() => server.close());

/** What each fault shows on the wire. The type makes a fault without a check an error. */
const checks: Readonly<Record<FaultName, Check>> = {
  healthy: isHealthy,
  "hang-before-headers": (seen) => assert.deepEqual([seen.how, seen.bytes.length], ["open", 0]),
  "stall-after-headers": (seen) => assert.deepEqual([seen.how, seen.status, seen.body.length], ["open", 200, 0]),
  "stall-in-body": (seen) => isBrokenOff(seen, "open"),
  "one-byte-at-a-time": isHealthy,
  "reset-before-headers": (seen) => assert.deepEqual([seen.how, seen.bytes.length], ["reset", 0]),
  "close-before-headers": (seen) => assert.deepEqual([seen.how, seen.bytes.length], ["ended", 0]),
  "reset-on-reuse": isHealthy,
  "reset-mid-body": (seen) => isBrokenOff(seen, "reset"),
  "end-mid-body": (seen) => isBrokenOff(seen, "ended"),
  "content-length-too-long": (seen) =>
    assert.deepEqual([seen.how, seen.body.length + 100], ["ended", Number(seen.headers["content-length"])]),
  "chunked-without-last": (seen) => {
    assert.deepEqual([seen.how, seen.headers["transfer-encoding"]], ["ended", "chunked"]);
    hasHealthyBody(seen, seen.body);
  },
  "chunked-bad-size": (seen) =>
    assert.deepEqual([seen.how, seen.body.length, seen.rest.toString()], ["ended", 20, "zz\r\nnot a chunk\r\n"]),
  "bytes-after-body": (seen) => {
    isHealthy(seen);
    assert.match(seen.rest.toString(), /^HTTP\/1\.1 200 OK\r\n.*\{"poisoned":true\}$/s);
  },
  garbage: (seen) => assert.deepEqual([seen.how, seen.status, seen.bytes[0]], ["ended", 0, 0]),
  "html-200": (seen) =>
    assert.deepEqual(
      [seen.status, seen.headers["content-type"], seen.body.toString("utf8", 0, 9)],
      [200, "text/html; charset=utf-8", "<!DOCTYPE"],
    ),
  "empty-200": (seen) => assert.deepEqual([seen.how, seen.status, seen.body.length], ["complete", 200, 0]),
  "half-json": (seen) => {
    const whole = JSON.stringify(healthyJson(seen.protocol));
    assert.equal(seen.how, "complete");
    assert.deepEqual(seen.body, Buffer.from(whole).subarray(0, Buffer.byteLength(whole) >> 1));
  },
  "bad-utf8": (seen) => {
    assert.throws(() => new TextDecoder("utf-8", { fatal: true }).decode(seen.body), TypeError);
    assert.equal(seen.how, "complete");
  },
  gzip: (seen) => hasHealthyBody(seen, gunzipSync(seen.body)),
  brotli: (seen) => hasHealthyBody(seen, brotliDecompressSync(seen.body)),
  "bad-gzip": (seen) => assert.throws(() => gunzipSync(seen.body)),
  "false-gzip": (seen) => {
    assert.equal(seen.headers["content-encoding"], "gzip");
    hasHealthyBody(seen, seen.body);
  },
  "gzip-bomb": (seen) => {
    assert.ok(seen.body.length < 8192);
    assert.ok(gunzipSync(seen.body).length > 1_048_576);
  },
  "sse-lf": hasHealthyEvents((text) => !text.includes("\r")),
  "sse-cr": hasHealthyEvents((text) => !text.includes("\n")),
  "sse-crlf": hasHealthyEvents((text) => !/[^\r]\n/.test(text)),
  "sse-bom": hasHealthyEvents((text) => text.startsWith("\uFEFF")),
  "sse-comments": hasHealthyEvents((text) => text.startsWith(": hello") && text.includes("\n:\n")),
  "sse-no-space": hasHealthyEvents((text) => !text.includes("data: ")),
  "sse-extra-fields": hasHealthyEvents((text) => text.includes("\nmystery: field\n")),
  "sse-multi-line": hasHealthyEvents((text) => text.includes("data: {\ndata: ")),
  "sse-every-byte": hasHealthyEvents(() => true),
  "sse-endless-event": (seen) => {
    assert.equal(seen.body.length, 'data: {"endless":"'.length + 262_144);
    assert.deepEqual(readEventData(seen.body), []);
  },
  "sse-no-end-with-finish": (seen) => hasMarks(seen, { finish: true, end: false }),
  "sse-no-end-without-finish": (seen) => hasMarks(seen, { finish: false, end: false }),
  "sse-end-without-finish": (seen) => hasMarks(seen, { finish: false, end: true }),
  "sse-data-after-end": (seen) => {
    const events = readEventData(seen.body);
    assert.deepEqual(events.slice(0, -1), healthyEvents(seen.protocol));
    assert.match(events.at(-1) ?? "", / wörld/);
  },
  "sse-unknown-events": (seen) => {
    const known = healthyEvents(seen.protocol);
    assert.deepEqual(
      readEventData(seen.body).filter((data) => !/future/.test(data)),
      known,
    );
    assert.match(readEventData(seen.body)[0] ?? "", /future/);
  },
  "sse-delta-without-start": (seen) => {
    const text = seen.body.toString();
    assert.doesNotMatch(
      text,
      /message_start|content_block_start|output_item\.added|response\.created|"role":"assistant"|"type":"function"/,
    );
    assert.match(text, /Zürich|Zür/);
  },
  "error-event-first": (seen) => {
    assert.deepEqual([seen.status, readEventData(seen.body).length], [200, 1]);
    assert.match(seen.body.toString(), /overloaded|Overloaded/);
  },
  "error-event-later": (seen) => {
    assert.match(readEventData(seen.body).at(-1) ?? "", /overloaded|Overloaded/);
    assert.ok(seen.body.includes(" wörld") && !seen.body.includes(" good bye"));
  },
  "status-400": hasStatus(400),
  "status-401": hasStatus(401),
  "status-403": hasStatus(403),
  "status-404": hasStatus(404),
  "status-422": hasStatus(422),
  "status-429": hasStatus(429),
  "status-500": hasStatus(500),
  "status-502": hasStatus(502),
  "status-503": hasStatus(503),
  "status-504": hasStatus(504),
  "status-529": hasStatus(529),
  "status-502-html": (seen) => assert.deepEqual([seen.status, seen.body.toString("utf8", 0, 6)], [502, "<html>"]),
  "429-retry-seconds": hasRetryAfter(429, /^7$/),
  "429-retry-date": hasRetryAfter(429, /^\w{3}, \d\d \w{3} 20[2-9]\d .* GMT$/),
  "429-retry-past": hasRetryAfter(429, /2015/),
  "429-retry-huge": hasRetryAfter(429, /^999999999999$/),
  "429-retry-negative": hasRetryAfter(429, /^-30$/),
  "429-retry-nonsense": hasRetryAfter(429, /^soon$/),
  "503-retry-seconds": hasRetryAfter(503, /^7$/),
  "redirect-301": isRedirect(301),
  "redirect-302": isRedirect(302),
  "redirect-307": isRedirect(307),
  "redirect-308": isRedirect(308),
  "usage-missing": hasUsage((usage) => assert.equal(usage, undefined)),
  "usage-negative": hasUsage((usage) => assert.match(usage ?? "", /:-(101|61)\b/)),
  "usage-1e308": hasUsage((usage) => assert.match(usage ?? "", /1e\+308/)),
  "usage-string": hasUsage((usage) => assert.match(usage ?? "", /:"(100|60)"/)),
};

/** Faults that leave the connection open and send nothing more: there is no end to wait for. */
const SILENT: ReadonlySet<FaultName> = new Set(["hang-before-headers", "stall-after-headers", "stall-in-body"]);

for (const name of faultNames) {
  test(`fault ${name}`, async () => {
    const shapes = faults[name].on === "both" ? [true, false] : [faults[name].on === "stream"];
    for (const protocol of PROTOCOLS) {
      for (const isStream of shapes) checks[name]({ ...(await observe(name, protocol, isStream)), protocol, isStream });
    }
  });
}

async function observe(name: FaultName, protocol: Protocol, isStream: boolean): Promise<RawAnswer> {
  server.use({ fault: name, bombBytes: 1_048_576, capBytes: 262_144 }, "healthy");
  const client = createRawClient(server.port);
  const count = server.requests.length;
  client.send(protocol, isStream);
  try {
    if (!SILENT.has(name)) return await client.receive();
    await server.waitForRequests(count + 1);
    // What the silent one would send, it would have sent before a later request was answered in full.
    const later = createRawClient(server.port);
    later.send(protocol, isStream);
    await later.receive();
    later.leave();
    return client.peek();
  } finally {
    client.leave();
  }
}

function healthyEvents(protocol: Protocol): readonly string[] {
  return readEventData(Buffer.from(scriptFrames(healthyScript(protocol)).join("")));
}

function hasHealthyBody(seen: Seen, body: Buffer): void {
  if (seen.isStream) assert.deepEqual(readEventData(body), healthyEvents(seen.protocol));
  else assert.deepEqual(JSON.parse(body.toString()), JSON.parse(JSON.stringify(healthyJson(seen.protocol))));
  for (const piece of seen.isStream ? FAULT_TEXT : [FAULT_TEXT.join("")]) assert.ok(body.includes(piece));
  assert.ok(body.includes(String(FAULT_USAGE.output)));
}

function isHealthy(seen: Seen): void {
  assert.deepEqual([seen.how, seen.status], ["complete", 200]);
  hasHealthyBody(seen, seen.body);
}

function isBrokenOff(seen: Seen, how: RawAnswer["how"]): void {
  assert.deepEqual([seen.how, seen.status], [how, 200]);
  if (seen.isStream) assert.deepEqual([seen.body.includes(" wörld"), seen.body.includes(" good bye")], [true, false]);
  else assert.equal(seen.body.length, Number(seen.headers["content-length"]) >> 1);
}

function hasHealthyEvents(isReshaped: (text: string) => boolean): Check {
  return (seen) => {
    assert.equal(seen.how, "complete");
    assert.ok(isReshaped(seen.body.toString()));
    const parse = (data: string): unknown => (data === "[DONE]" ? data : JSON.parse(data));
    assert.deepEqual(readEventData(seen.body).map(parse), healthyEvents(seen.protocol).map(parse));
  };
}

function hasMarks(seen: Seen, marks: { finish: boolean; end: boolean }): void {
  const { finish, end } = healthyScript(seen.protocol);
  const text = seen.body.toString();
  assert.equal(seen.how, "complete");
  assert.ok(text.includes(" good bye."));
  assert.equal(text.includes(finish), marks.finish);
  if (end !== "") assert.equal(text.includes(end), marks.end);
}

function hasStatus(status: number): Check {
  return (seen) => {
    assert.deepEqual([seen.how, seen.status], ["complete", status]);
    const body = JSON.parse(seen.body.toString()) as { error: { message: string } };
    assert.ok(body.error.message.length > 5);
  };
}

function hasRetryAfter(status: number, value: RegExp): Check {
  return (seen) => {
    hasStatus(status)(seen);
    assert.match(seen.headers["retry-after"] ?? "", value);
    const isInBody = seen.protocol === "gemini-generate" && /^\d/.test(seen.headers["retry-after"] ?? "");
    assert.equal(seen.body.includes("RetryInfo"), isInBody);
  };
}

function isRedirect(status: number): Check {
  return (seen) => assert.deepEqual([seen.status, seen.headers["location"]], [status, `${server.url}/redirected`]);
}

function hasUsage(check: (usage: string | undefined) => void): Check {
  return (seen) => {
    assert.deepEqual([seen.how, seen.status], ["complete", 200]);
    check(/"usage(?:Metadata)?":(\{.*?\})/g.exec(seen.body.toString())?.[1]);
    assert.ok(seen.body.includes(FAULT_TEXT[0]));
  };
}
