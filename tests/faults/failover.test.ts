import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { systemClock } from "../../src/core/index.ts";
import type { Caller, TestGateway } from "../e2e/harness.ts";
import { startGateway } from "../e2e/harness.ts";
import type { FaultServer } from "../testbed/fault-server.ts";
import { createFaultServer } from "../testbed/fault-server.ts";
import type { FaultName } from "../testbed/faults.ts";
import { sendStream, sendWhole } from "../testbed/fault-wire.ts";
import { faults } from "../testbed/faults.ts";
import { PROTOCOLS, type Protocol } from "../testbed/scenario.ts";
import type { Dialect } from "./dialects.ts";
import { dialects } from "./dialects.ts";
import type { Seen } from "./observe.ts";
import { ask } from "./observe.ts";

let first: FaultServer;
let second: FaultServer;
/** Time that has passed for the gateway alone: what one test has shown of a key is over in the next. */
let skippedMs = 0;
let gateway: TestGateway;
let caller: Caller;

/** The other target speaks another protocol: a request that began verbatim goes on translated. */
const otherProtocol = (protocol: Protocol): Protocol => (protocol === "openai-chat" ? "anthropic-messages" : "openai-chat");

before(async () => {
  first = await createFaultServer();
  second = await createFaultServer();
  const provider = (name: string, server: FaultServer, protocol: Protocol, keys: string): string =>
    `  ${name}-${protocol}: { protocols: [${protocol}], ${keys}, base_url: "${server.url}${protocol.startsWith("openai") ? "/v1" : ""}" }\n`;
  const providers = PROTOCOLS.flatMap((protocol) => [
    provider("one", first, protocol, "api_key: k1"),
    provider("two", second, protocol, "api_key: k2"),
    provider("pair", first, protocol, "api_keys: [ka, kb]"),
    provider("hasty", first, protocol, "api_key: k3, timeouts: { first_byte: 300ms, idle: 300ms }"),
  ]);
  const routes = PROTOCOLS.flatMap((protocol) => [
    `  "both-${protocol}-*": [one-${protocol}, two-${otherProtocol(protocol)}]\n`,
    `  "same-${protocol}-*": [one-${protocol}, two-${protocol}]\n`,
    `  "alone-${protocol}-*": one-${protocol}\n`,
    `  "google-${protocol}-*": one-gemini-generate\n`,
    `  "pair-${protocol}-*": pair-${protocol}\n`,
    `  "hasty-${protocol}-*": [hasty-${protocol}, two-${otherProtocol(protocol)}]\n`,
  ]);
  const clock = { now: () => systemClock.now(), monotonic: () => systemClock.monotonic() + skippedMs };
  gateway = await startGateway({
    clock,
    config: `providers:\n${providers.join("")}model_provider_routes:\n${routes.join("")}fallbacks: { "google-*-filtered": { filtered: [two-openai-chat/m] } }\nrouting: { retries: 0 }\n`,
  });
  caller = await gateway.createKey("alice");
  await Promise.all([first.waitForRequests(12), second.waitForRequests(4)]);
});
after(async () => {
  await gateway.stop();
  await first.close();
  await second.close();
});

afterEach(async () => {
  skippedMs += 3_600_000;
  // A key that was refused is used again once it has worked.
  first.use("healthy");
  for (const dialect of dialects) await meet("alone", dialect, false);
});

let models = 0;
/** Each request is for a model of its own, of which nothing is known yet. */
const meet = (route: string, dialect: Dialect, stream: boolean): Promise<Seen> =>
  ask(gateway, caller.key, dialect, stream, undefined, `${route}-${dialect.id}-${++models}`);

/** Status, how it ended, and what the headers say of the attempts. */
function shown({ status, how, headers }: Seen): string {
  const errors = String(headers["x-tokligence-attempt-errors"] ?? "-").replaceAll(/ ([a-z]+)-[^,]*/g, " $1");
  return `${status} ${how} by ${String(headers["x-tokligence-provider"]).split("-")[0]}, ${String(headers["x-tokligence-attempts"])} attempts: ${errors}`;
}

async function rowsOf({ requestId }: Seen): Promise<string[]> {
  const rows = (await gateway.rows()).filter((row) => row.request_id === requestId);
  return rows.map(({ attempt, provider, status }) => `${attempt} ${provider.split("-")[0]} ${status}`);
}

const kindOf: { readonly [F in FaultName]?: string } = {
  "status-429": "throttled",
  "429-retry-seconds": "throttled",
  "429-retry-date": "throttled",
  "429-retry-negative": "throttled",
  "status-401": "credential",
  "status-403": "credential",
  "status-500": "broken",
  "status-502": "broken",
  "status-502-html": "broken",
  "status-503": "overloaded",
  "503-retry-seconds": "overloaded",
  "status-504": "broken",
  "status-529": "overloaded",
  "reset-before-headers": "broken",
  "close-before-headers": "broken",
  garbage: "broken",
  "html-200": "broken",
  "empty-200": "broken",
  "half-json": "broken",
  "bad-utf8": "broken",
  "bad-gzip": "broken",
  "redirect-302": "broken",
  "error-event-first": "overloaded",
};

const cells = dialects.flatMap((dialect) => [false, true].map((stream) => ({ dialect, stream })));
const applies = (fault: FaultName, stream: boolean): boolean => faults[fault].on === "both" || (faults[fault].on === "stream") === stream;

for (const [fault, kind] of Object.entries(kindOf) as [FaultName, string][]) {
  test(`${fault}: another provider answers, over another protocol too`, async () => {
    first.use({ fault, beforeResetMs: 50 });
    second.use("healthy");
    const asked = cells.filter(({ stream }) => applies(fault, stream));
    const seen = await Promise.all(asked.flatMap(({ dialect, stream }) => ["both", "same"].map((route) => meet(route, dialect, stream))));
    assert.deepEqual(
      seen.map(shown),
      seen.map(() => `200 whole by two, 2 attempts: ${kind} one`),
    );
    for (const one of seen) assert.deepEqual(await rowsOf(one), ["1 one error", "2 two ok"]);
  });
}

for (const fault of ["hang-before-headers", "stall-after-headers"] as const) {
  test(`${fault}: a stream that does not begin goes to another provider`, async () => {
    first.use(fault);
    second.use("healthy");
    const seen = await Promise.all(dialects.map((dialect) => meet("hasty", dialect, true)));
    assert.deepEqual(
      seen.map(shown),
      seen.map(() => "200 whole by two, 2 attempts: timeout hasty"),
    );
  });
}

for (const fault of ["status-400", "status-404", "status-422"] as const) {
  test(`${fault}: the client's own mistake goes nowhere else`, async () => {
    first.use(fault);
    const before = second.requests.length;
    for (const { dialect, stream } of cells) {
      const seen = await meet("both", dialect, stream);
      assert.equal(shown(seen), `${fault.slice(7)} error by one, 1 attempts: client one`);
      assert.equal(seen.headers["x-should-retry"], undefined);
    }
    assert.equal(second.requests.length, before);
  });
}

for (const fault of ["error-event-later", "reset-mid-body"] as const) {
  test(`${fault}: after the first content the client has its answer, broken`, async () => {
    first.use({ fault, beforeResetMs: 50 });
    const before = second.requests.length;
    for (const dialect of dialects) assert.equal(shown(await meet("both", dialect, true)), "200 broken by one, 1 attempts: -");
    assert.equal(second.requests.length, before);
  });
}

test("a second key of the provider answers for one that is refused, limited or without quota", async () => {
  for (const [fault, kind] of [
    ["status-401", "credential"],
    ["status-403", "credential"],
    ["status-429", "throttled"],
    ["429-retry-seconds", "throttled"],
  ] as const) {
    for (const { dialect, stream } of cells) {
      first.use(fault, "healthy");
      assert.equal(shown(await meet("pair", dialect, stream)), `200 whole by pair, 2 attempts: ${kind} pair`);
      skippedMs += 3_600_000;
    }
  }
});

test("a key that a 401 refuses is used for no model, one that a 403 refuses for all others", async () => {
  for (const [fault, keys] of [
    ["status-401", 1],
    ["status-403", 2],
  ] as const) {
    for (const dialect of dialects) {
      first.use(fault, "healthy");
      await meet("pair", dialect, false);
      const known = first.requests.length;
      for (let count = 0; count < 4; count++) await meet("pair", dialect, false);
      const used = new Set(
        first.requests.slice(known).map(({ headers }) => headers["authorization"] ?? headers["x-api-key"] ?? headers["x-goog-api-key"]),
      );
      assert.equal(used.size, keys, `${fault} ${dialect.id}`);
      skippedMs += 3_600_000;
    }
  }
});

test("the last failure is the client's: its status, and that another try is of no use", async () => {
  for (const [one, two, status, retry] of [
    ["status-500", "status-503", "503", "false"],
    ["status-503", "status-429", "429", undefined],
    ["status-429", "status-401", "502", "false"],
    ["status-401", "status-500", "500", "false"],
  ] as const) {
    first.use(one);
    second.use(two);
    for (const { dialect, stream } of cells) {
      const seen = await meet("same", dialect, stream);
      assert.deepEqual(
        [`${seen.status}`, seen.how, seen.headers["x-should-retry"]],
        [status, "error", retry],
        `${one} ${two} ${dialect.id}`,
      );
      assert.deepEqual(await rowsOf(seen), ["1 one error", "2 two error"]);
      skippedMs += 3_600_000;
    }
  }
});

test("a prompt that the provider's filter refuses goes elsewhere only where fallbacks for that are configured", async () => {
  const blocked = { promptFeedback: { blockReason: "SAFETY" }, usageMetadata: { promptTokenCount: 3 }, modelVersion: "m", responseId: "r" };
  first.use((context) =>
    context.isStream ? sendStream(context, [`data: ${JSON.stringify(blocked)}\n\n`]) : sendWhole(context, 200, {}, JSON.stringify(blocked)),
  );
  second.use("healthy");
  for (const { dialect, stream } of cells) {
    const ofModel = (name: string): Promise<Seen> => ask(gateway, caller.key, dialect, stream, undefined, `google-${dialect.id}-${name}`);
    const elsewhere = await ofModel("filtered");
    assert.equal(shown(elsewhere), "200 whole by two, 2 attempts: filtered one", `${dialect.id} ${elsewhere.body.toString()}`);
    const here = await ofModel("x");
    assert.deepEqual([here.status, here.headers["x-tokligence-attempts"]], [200, "1"]);
  }
});

test("an account without quota is a 502 that is not to be sent again, and its provider's words stay in the log", async () => {
  const body = JSON.stringify({
    error: { message: "Account 4711 owes 12 dollars", type: "insufficient_quota", code: "insufficient_quota" },
  });
  for (const stream of [false, true]) {
    first.use(async ({ socket }) => {
      socket.write(`HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
      return Promise.resolve();
    });
    const dialect = dialects[0]!;
    const model = `alone-${dialect.id}-quota-${stream}`;
    const before = first.requests.length;
    for (let count = 0; count < 2; count++) {
      const seen = await ask(gateway, caller.key, dialect, stream, undefined, model);
      assert.deepEqual([seen.status, seen.error?.code, seen.headers["x-should-retry"]], [502, "upstream_quota_exhausted", "false"]);
      assert.ok(!seen.body.includes("4711"));
    }
    // The second request is not sent at all.
    assert.equal(first.requests.length, before + 1);
  }
  assert.match(await gateway.logText(), /Account 4711/);
});

test("if all keys wait for the time that their provider named, the client gets 429 with the soonest, and nothing is sent", async () => {
  first.use({ fault: "429-retry-seconds", retryAfterSeconds: 90 });
  second.use({ fault: "429-retry-seconds", retryAfterSeconds: 40 });
  for (const dialect of dialects) {
    const model = `same-${dialect.id}-cooling`;
    const tried = await ask(gateway, caller.key, dialect, false, undefined, model);
    const sent = first.requests.length + second.requests.length;
    const refused = await ask(gateway, caller.key, dialect, true, undefined, model);
    for (const { status, error, headers } of [tried, refused]) {
      assert.deepEqual([status, headers["x-should-retry"]], [429, undefined], error?.message ?? "");
      assert.ok(Number(headers["retry-after"]) > 30 && Number(headers["retry-after"]) <= 40, String(headers["retry-after"]));
    }
    assert.equal(first.requests.length + second.requests.length, sent);
    assert.deepEqual([refused.headers["x-tokligence-attempts"], (await rowsOf(refused)).length], ["0", 1]);
  }
});
