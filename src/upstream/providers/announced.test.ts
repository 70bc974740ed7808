import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { silentLogger } from "../../core/index.ts";
import { protocols } from "../../protocols/index.ts";
import { createAnnouncedModels, type AnnouncedOptions, type ListingProtocol } from "./announced.ts";
import { Redactor } from "./redactor.ts";
import { clientFor, HandClock, jsonAnswer, providerAt, rawServer, requestTo, gather, type Arrived } from "../testing.ts";
import type { Provider } from "../types.ts";
import { waitUntil } from "../../../tests/testbed/wait-until.ts";

const chat: ListingProtocol = {
  id: "openai-chat",
  upstreamPath: () => ({ method: "GET", path: "/models" }),
  requiredHeaders: [["x-version", "1"]],
  parseModelList: (wire) => (wire as { data: { id: string }[] }).data.map((model) => model.id),
  wireRules: protocols.get("openai-chat")!.wireRules,
};
const anthropic: ListingProtocol = {
  ...chat,
  id: "anthropic-messages",
  upstreamPath: () => ({ method: "GET", path: "/v1/models" }),
  wireRules: protocols.get("anthropic-messages")!.wireRules,
};

function listing(...ids: readonly string[]): string {
  return jsonAnswer(JSON.stringify({ data: ids.map((id) => ({ id })) }));
}

function options(
  t: Parameters<typeof clientFor>[0],
  providers: readonly Provider[],
  more: Partial<AnnouncedOptions> = {},
): AnnouncedOptions {
  const clock = new HandClock();
  return {
    client: clientFor(t, providers, { clock }),
    protocol: (id) => [chat, anthropic].find((protocol) => protocol.id === id),
    providers,
    clock,
    logger: silentLogger,
    redactor: new Redactor(),
    ...more,
  };
}

test("the models of all providers are requested at once, with the headers that their protocol requires", async (t) => {
  const upstream = await rawServer(t, ({ socket, head }) =>
    socket.write(head.startsWith("GET /v1/models?") ? listing("c") : listing("a", "b", "a")),
  );
  const one = providerAt(upstream.origin, { name: "one", protocols: ["gemini-generate", "openai-chat"] });
  const two = providerAt(upstream.origin, { name: "two", protocols: ["anthropic-messages"] });
  const off = { ...providerAt(upstream.origin, { name: "off" }), enabled: false };
  const seen: unknown[] = [];
  const announced = createAnnouncedModels(options(t, [one, two, off], { onChange: (names) => seen.push([...names.keys()]) }));
  t.after(() => announced.stop());
  announced.start();
  assert.deepEqual([...announced.names()], [], "nothing waits");
  await announced.refresh();
  assert.deepEqual(Object.fromEntries(announced.names()), { one: ["a", "b"], two: ["c"] });
  assert.equal(seen.length, 2);
  assert.deepEqual(
    announced.snapshot().toSorted((a, b) => (a.provider < b.provider ? -1 : 1)),
    [
      { provider: "one", models: 2, refreshedAtMs: 1_000 },
      { provider: "two", models: 1, refreshedAtMs: 1_000 },
    ],
  );
  assert.deepEqual(
    new Set(upstream.requests.map(({ head }) => head.split("\r\n")[0])),
    new Set(["GET /v1/models HTTP/1.1", "GET /v1/models?limit=1000 HTTP/1.1"]),
  );
  for (const { head } of upstream.requests)
    assert.match(head, /\r\naccept: application\/json\r\nx-version: 1\r\n(?:.*\r\n)*authorization: Bearer sk-upstream\r\n/);
  const names = announced.names();
  await announced.refresh();
  assert.equal(announced.names(), names, "the same names are no change");
  assert.equal(seen.length, 2);
});

test("every protocol has a listing, also a provider with Responses only", async (t) => {
  const upstream = await rawServer(t, ({ socket, head }) =>
    socket.write(head.startsWith("GET /v1beta/models?") ? jsonAnswer(JSON.stringify({ models: [{ name: "models/a" }] })) : listing("a")),
  );
  const providers = [...protocols.keys()].map((id) => providerAt(upstream.origin, { name: id, protocols: [id] }));
  const announced = createAnnouncedModels(options(t, providers, { protocol: (id) => protocols.get(id) }));
  t.after(() => announced.stop());
  await announced.refresh();
  assert.deepEqual(Object.fromEntries(announced.names()), Object.fromEntries([...protocols.keys()].map((id) => [id, ["a"]])));
});

test("a failed listing keeps the previous names, is logged at debug, and is shown", async (t) => {
  const answers: ((request: Arrived) => void)[] = [
    ({ socket }) => socket.write(listing("a")),
    ({ socket }) => socket.write(jsonAnswer("{}", "HTTP/1.1 401 No")),
    ({ socket }) => socket.write(jsonAnswer("<html>")),
    ({ socket }) => socket.write(jsonAnswer("{}")),
    ({ socket }) => socket.resetAndDestroy(),
  ];
  const upstream = await rawServer(t, (request) => (answers.shift() ?? (() => request.socket.destroy()))(request));
  const provider = providerAt(upstream.origin);
  const logged: object[] = [];
  const fail = (): void => assert.fail("logged louder than debug");
  const logger = { debug: (fields: object) => logged.push(fields), info: fail, warn: fail, error: fail };
  const announced = createAnnouncedModels(options(t, [provider], { logger }));
  t.after(() => announced.stop());
  const messages: (string | undefined)[] = [];
  for (let i = 0; i < 5; i++) {
    await announced.refresh();
    messages.push(announced.snapshot()[0]!.message);
    assert.deepEqual(announced.snapshot()[0]!.models, 1);
  }
  assert.deepEqual([...announced.names()], [["upstream", ["a"]]]);
  assert.equal(logged.length, 4);
  assert.deepEqual(messages.slice(0, 3), [
    undefined,
    "it answered 401 when asked for its models",
    "Provider upstream answered 200 with something that is not JSON.",
  ]);
  assert.match(messages[4]!, /closed the connection without an answer\.$|refuses connections/);
});

test("a listing is limited to 5,000 names of 256 characters, 4 MiB, 15 seconds", async (t) => {
  const many = Array.from({ length: 6_000 }, (_, index) => `m${index}`);
  let asked = 0;
  const upstream = await rawServer(t, ({ socket }) => {
    // Whether a connection is used again does not matter here.
    asked += 1;
    if (asked === 1) socket.write(listing("x".repeat(257), "", ...many));
    else if (asked === 2) socket.write(jsonAnswer(`{"data":"${"x".repeat(5 * 1024 * 1024)}"}`));
  });
  const provider = providerAt(upstream.origin);
  const own = options(t, [provider]);
  const announced = createAnnouncedModels(own);
  t.after(() => announced.stop());
  await announced.refresh();
  assert.deepEqual(announced.names().get("upstream"), many.slice(0, 5_000));
  await announced.refresh();
  assert.equal(announced.snapshot()[0]!.message, "Provider upstream answered more than 4194304 bytes.");
  const third = announced.refresh();
  await upstream.arrived(3);
  (own.clock as HandClock).ms += 15_000;
  await third;
  assert.match(announced.snapshot()[0]!.message!, /did not complete its answer within 15 s/);
});

test("stop ends the active calls without waiting for them", async (t) => {
  const upstream = await rawServer(t, () => {});
  const provider = providerAt(upstream.origin);
  const own = options(t, [provider], { onChange: () => assert.fail("onChange was called") });
  const announced = createAnnouncedModels(own);
  announced.start();
  await upstream.arrived(1);
  const running = announced.refresh();
  const gone = once(upstream.requests[0]!.socket, "close");
  announced.stop();
  await Promise.all([running, gone]);
  assert.deepEqual([[...announced.names()], announced.snapshot()], [[], []]);
});

test("requests to a provider are served while its models are requested", async (t) => {
  const upstream = await rawServer(t, ({ socket, head }) => head.startsWith("POST") && socket.write(jsonAnswer()));
  const provider = providerAt(upstream.origin);
  const own = options(t, [provider]);
  const announced = createAnnouncedModels(own);
  announced.start();
  assert.equal((await gather(own.client, requestTo(provider))).status, 200);
  announced.stop();
  upstream.sockets.forEach((socket) => socket.destroy());
});

test("a provider that nobody asks is probed by its list of models, but not one with `probe: false`; the outcome tells what works", async (t) => {
  let answer = listing("m");
  const upstream = await rawServer(t, ({ socket }) => void socket.write(answer));
  const quiet = providerAt(upstream.origin, { name: "quiet" });
  const busy = providerAt(upstream.origin, { name: "busy" });
  const left = { ...providerAt(upstream.origin, { name: "left" }), isProbed: false };
  const outcomes: string[] = [];
  const announced = createAnnouncedModels(
    options(t, [quiet, busy, left], {
      isIdle: (name) => name !== "busy",
      probeMs: 5,
      onOutcome: ({ name }, _key, { isReachable, message }) => void outcomes.push(`${name} ${isReachable ? "up" : `down: ${message}`}`),
    }),
  );
  t.after(() => announced.stop());
  announced.start();
  await waitUntil("all were listed, and one was probed", () => outcomes.length >= 5);
  assert.deepEqual(outcomes.slice(0, 3).toSorted(), ["busy up", "left up", "quiet up"]);
  assert.deepEqual([...new Set(outcomes.slice(3))], ["quiet up"]);
  const rows: [string, string][] = [
    ["401 Unauthorized", "quiet down: it answered 401 when asked for its models"],
    ["404 Not Found", "quiet up"],
    ["403 Forbidden", "quiet up"],
    ["500 Oops", "quiet down: it answered 500 when asked for its models"],
  ];
  for (const [status, expected] of rows) {
    answer = `HTTP/1.1 ${status}\r\ncontent-length: 2\r\n\r\n{}`;
    await waitUntil(expected, () => outcomes.at(-1) === expected);
  }
});
