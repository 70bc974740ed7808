import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { BoughtLease } from "../../src/market/buy/bought-lease.ts";
import { frameTypes, maxFrameBytes, type Frame } from "../../src/market/identity/frames.ts";
import { createMockUpstream, type MockUpstream } from "../testbed/mock-upstream.ts";
import { waitUntil } from "../testbed/wait-until.ts";
import { callAdmin } from "./call-admin.ts";
import { startGateway, type Caller, type TestGateway } from "./harness.ts";
import { asItIs, createMarketLine, RogueBuyer, type MarketLine, type OnFrame } from "./market-rig.ts";

/** Bob sells, Alice buys from him over a line that does harm, and rogue nodes have invites of their own. */
let mock: MockUpstream;
let line: MarketLine;
let bob: TestGateway;
let alice: TestGateway;
let caller: Caller;
const canary = "canary-7f3a91-of-the-prompt";
const chat = { dialect: "openai-chat", path: "/v1/chat/completions" };
const messages = [{ role: "user", content: "Hi" }];

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

before(async () => {
  mock = await createMockUpstream({ apiKeys: ["rig-key-1234567890"], countsText: true });
  line = await createMarketLine();
  const port = await freePort();
  line.target = `http://127.0.0.1:${port}`;
  const limits = "per_buyer: { concurrency: 4, leases: 20, calls_per_second: 300 }";
  bob = await startGateway({
    config: `market: { listen: "127.0.0.1:${port}", reach: "${line.url}", name: bob, ${limits} }
providers: { secret-rig: { base_url: "${mock.url}/v1", protocols: [openai-chat], api_key: rig-key-1234567890, models: [qwen3, hidden] } }
`,
  });
  alice = await startGateway({ config: 'market: { listen: "127.0.0.1:0", name: alice }\nrouting: { retries: 0 }\n' });
  caller = await alice.createKey();
  await callAdmin(bob, "market.share", { body: { model: "qwen3", input: "0.08", output: "0.28" } });
  await callAdmin(alice, "market.join", { body: { invite: await invite() } });
});
after(async () => {
  await alice.stop();
  await bob.stop();
  await line.close();
  await mock.close();
});

async function invite(limit = "5"): Promise<string> {
  return (await callAdmin(bob, "market.invite", { body: { limit } })).invite;
}

async function rogue(seed: number, limit = "5"): Promise<RogueBuyer> {
  const text = await invite(limit);
  const buyer = new RogueBuyer(text, seed);
  assert.equal((await buyer.join(text)).status, 200);
  return buyer;
}

async function ask(body: object = {}): Promise<{ readonly status: number; readonly text: string }> {
  const reply = await fetch(`${alice.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${caller.key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "@bob/qwen3", messages, ...body }),
  });
  const text = await reply.text().catch(() => "cut");
  return { status: reply.status, text };
}

/** Alice's account at Bob, as he states it, without what waits for its window. */
async function owed(): Promise<string> {
  return (await callAdmin(bob, "market.status")).peers.find(({ name }) => name === "alice")!.balance_credits;
}

test("a prompt and its answer are in no byte that leaves unsealed, no log and no database", async () => {
  mock.enqueue({ text: [`The answer has ${canary}.`] });
  line.bytes.length = 0;
  const { status, text } = await ask({ messages: [{ role: "user", content: canary }], user: `user-${canary}` });
  assert.equal(status, 200, text);
  const requests = mock.requests.map(({ body }) => body.toString());
  assert.ok(
    requests.some((body) => body.includes(canary)),
    "the seller's server has the prompt",
  );
  assert.ok(
    requests.every((body) => !body.includes(`user-${canary}`)),
    "what names the user stays at the buyer",
  );
  const places: Record<string, Buffer> = { "the line": Buffer.concat(line.bytes) };
  for (const [name, gateway] of Object.entries({ alice, bob })) {
    await gateway.rows();
    places[`${name}'s log`] = Buffer.from(await gateway.logText());
    for (const suffix of ["", "-wal"])
      if (existsSync(gateway.database + suffix)) places[name + suffix] = readFileSync(gateway.database + suffix);
  }
  for (const [place, bytes] of Object.entries(places)) {
    assert.ok(bytes.length > 50, place);
    for (const form of [canary, Buffer.from(canary).toString("base64").slice(4, 20)]) assert.equal(bytes.includes(form), false, place);
  }
});

/** Frames that the line alters, and what Alice's client gets. */
const harm: Readonly<Record<string, { readonly onFrame: () => OnFrame; readonly stream: boolean; readonly isAnswered: boolean }>> = {
  "a bit that is flipped": {
    stream: false,
    isAnswered: false,
    onFrame: () => (frame) => {
      if (frame.type === frameTypes.last) frame.payload[3]! ^= 1;
      return [frame];
    },
  },
  "two frames that change places": {
    stream: true,
    isAnswered: false,
    onFrame: () => {
      let kept: Frame | undefined;
      return (frame) => {
        if (frame.type !== frameTypes.data) return [frame];
        if (kept === undefined) {
          kept = frame;
          return [];
        }
        const both = [frame, kept];
        kept = undefined;
        return both;
      };
    },
  },
  "a frame that is repeated": {
    stream: true,
    isAnswered: false,
    onFrame: () => (frame) => (frame.type === frameTypes.data ? [frame, frame] : [frame]),
  },
  "a frame that is too long": {
    stream: false,
    isAnswered: false,
    onFrame: () => (frame) => (frame.type === frameTypes.last ? [{ ...frame, payload: Buffer.alloc(maxFrameBytes) }] : [frame]),
  },
  "an answer that is not delivered": {
    stream: false,
    isAnswered: false,
    onFrame: () => (frame) => (frame.type === frameTypes.last ? "cut" : [frame]),
  },
  "a receipt that is lost": {
    stream: false,
    isAnswered: true,
    onFrame: () => (frame) => (frame.type === frameTypes.end ? "cut" : [frame]),
  },
  "a receipt of a stream that is lost": {
    stream: true,
    isAnswered: true,
    onFrame: () => (frame) => (frame.type === frameTypes.end ? "cut" : [frame]),
  },
};

for (const [name, { onFrame, stream, isAnswered }] of Object.entries(harm)) {
  test(`${name}: ${isAnswered ? "the answer is whole once its receipt was asked for" : "the client gets an error, nothing is acknowledged"}`, async () => {
    const before = (await callAdmin(alice, "market.status")).spent_credits;
    line.onFrame = onFrame();
    const { status, text } = await ask({ stream });
    line.onFrame = asItIs;
    const isWhole = status === 200 && (stream ? text.includes("data: [DONE]") : text.endsWith("}"));
    assert.equal(isWhole, isAnswered, `${status} ${text}`);
    const peer = (await callAdmin(alice, "market.status")).peers[0]!;
    assert.equal(peer.problem, null);
    if (isAnswered) await waitUntil("it is acknowledged", async () => (await callAdmin(alice, "market.status")).spent_credits !== before);
    else assert.equal((await callAdmin(alice, "market.status")).spent_credits, before);
    // The breaker of a target that has failed does not concern the next case.
    await callAdmin(alice, "config.reload");
  });
}

test("a sealed request for another model, path or dialect, or for more than its order says, is refused and costs nothing", async () => {
  const buyer = await rogue(11);
  const lease = await buyer.lease();
  const other = buyer.opened(lease, 1, await buyer.post("/serve", buyer.frames(lease, chat, { model: "hidden", messages })));
  assert.deepEqual([other.head, other.status, other.cost], [403, "failed", "0"]);
  assert.equal(
    mock.requests.some(({ body }) => body.toString().includes('"hidden"')),
    false,
  );
  const codes: string[] = [];
  for (const [target, body, max] of [
    [
      { ...chat, path: "/v1/embeddings" },
      { model: "qwen3", input: "x" },
    ],
    [{ ...chat, path: "/api/v1/users" }, {}],
    [
      { dialect: "openai-responses", path: "/v1/responses" },
      { model: "qwen3", input: "x" },
    ],
    [chat, { model: "qwen3", messages, max_tokens: 8000 }, 1n],
    [chat, { model: "qwen3", messages, n: 100 }, 50_000n],
  ] as const) {
    const fresh = await buyer.lease();
    const reply = await buyer.post("/serve", buyer.frames(fresh, target, body, max ?? 5_000_000n));
    codes.push(`${reply.status} ${reply.code}`);
  }
  assert.deepEqual(codes, ["409 bad_order", "409 bad_order", "409 bad_order", "409 max_too_low", "409 max_too_low"]);
});

test("a request that is sent twice is served once", async () => {
  const buyer = await rogue(12);
  const lease = await buyer.lease();
  const frames = buyer.frames(lease, chat, { model: "qwen3", messages });
  const before = mock.requests.length;
  const replies = await Promise.all([buyer.post("/serve", frames), buyer.post("/serve", frames), buyer.post("/serve", frames)]);
  const later = await buyer.post("/serve", frames);
  assert.deepEqual(
    [...replies, later].map(({ status }) => status).toSorted((a, b) => a - b),
    [200, 409, 409, 409],
  );
  assert.equal(mock.requests.length, before + 1);
});

test("a buyer that never acknowledges gets the answers of two requests for each lease", async () => {
  const buyer = await rogue(13);
  const lease = await buyer.lease();
  const statuses: string[] = [];
  for (let request = 0; request < 3; request++) {
    const { status, code } = await buyer.post("/serve", buyer.frames(lease, chat, { model: "qwen3", messages, max_tokens: 5 }, 2_000_000n));
    statuses.push(`${status} ${code ?? "served"}`);
  }
  assert.equal(statuses[0], "200 served");
  assert.ok(
    statuses.slice(1).every((status) => status.startsWith("409")),
    statuses.join(", "),
  );
});

test("200 leases on credit for 10 open 10, and nobody serves a lease of another buyer, or none", async () => {
  const buyer = await rogue(14, "0.1");
  const requests = await Promise.all(Array.from({ length: 200 }, () => buyer.leaseRequest({ hold: "10000000" })));
  const codes: string[] = [];
  // At once, on as many sockets as the seller lets one address have.
  for (let from = 0; from < requests.length; from += 50) {
    const replies = await Promise.all(requests.slice(from, from + 50).map((request) => buyer.post("/leases", request)));
    codes.push(...replies.map(({ code }) => code ?? "opened"));
  }
  const counted = (code: string): number => codes.filter((one) => one === code).length;
  assert.deepEqual([counted("opened"), counted("insufficient_credit")], [10, 190]);
  // A repeat finds the lease of before.
  const first = requests[codes.indexOf("opened")]!;
  assert.equal((await buyer.post("/leases", first)).code, undefined);
  const others = await (await rogue(15)).lease();
  const stolen = await buyer.post(
    "/serve",
    buyer.frames(new BoughtLease(others.body, others.secret, buyer.key), chat, { model: "qwen3", messages }),
  );
  const unknown = { ...others.body, lease: `lse_${"0".repeat(32)}` };
  const none = await buyer.post(
    "/serve",
    buyer.frames(new BoughtLease(unknown, others.secret, buyer.key), chat, { model: "qwen3", messages }),
  );
  assert.deepEqual([stolen.code, none.code], ["bad_document", "unknown_lease"]);
});

test("of two nodes that use one invite at once, one is let in", async () => {
  const text = await invite();
  const nodes = [new RogueBuyer(text, 21), new RogueBuyer(text, 22), new RogueBuyer(text, 23)];
  const replies = await Promise.all(nodes.map((node) => node.join(text)));
  assert.deepEqual(
    replies.map(({ status }) => status).toSorted((a, b) => a - b),
    [200, 403, 403],
  );
  const known = await Promise.all(nodes.map(async (node) => (await node.get("/book")).status));
  assert.deepEqual(
    known,
    replies.map(({ status }) => status),
  );
});

test("a clock that is more than two minutes wrong, a document that is too long and bytes that are none are refused", async () => {
  const buyer = await rogue(31);
  const found = [
    await buyer.get("/book", 119_000),
    await buyer.get("/book", 130_000),
    await buyer.get("/statement", -130_000),
    await buyer.post("/leases", await buyer.leaseRequest({ skewMs: 130_000 })),
    await buyer.post("/leases", JSON.stringify({ type: "lease-request/1", body: { text: "x".repeat(9000) } })),
    await buyer.post("/leases", "x".repeat(70_000)),
    await buyer.post("/serve", Buffer.from([0xff, 0xff, 0xff, 0xff, 1])),
    await buyer.post("/serve", Buffer.alloc(0)),
  ];
  assert.deepEqual(
    found.map(({ status, code }) => `${status} ${code ?? ""}`),
    [
      "200 ",
      "400 bad_document",
      "400 bad_document",
      "400 bad_document",
      "400 bad_document",
      "400 bad_document",
      "409 bad_order",
      "409 bad_order",
    ],
  );
});

test("an error of the seller names neither its provider nor its address", async () => {
  mock.enqueue({ trouble: { kind: "error", error: { status: 500, message: "boom at secret-rig" } } });
  const { text } = await ask();
  for (const secret of ["secret-rig", mock.url.slice("http://".length), "rig-key"]) assert.equal(text.includes(secret), false, text);
});

test("a key's list of models holds for what others sell", async () => {
  const { data: users } = await callAdmin(alice, "users.list");
  const made = await fetch(`${alice.url}/api/v1/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${alice.adminKey}` },
    body: JSON.stringify({ user: users[0]!.id, models: ["*", "!@bob/*"] }),
  });
  const { key } = (await made.json()) as { readonly key: string };
  const reply = await fetch(`${alice.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "@bob/qwen3", messages }),
  });
  assert.equal(((await reply.json()) as { readonly error: { readonly code: string } }).error.code, "model_not_allowed");
});

test("a client that leaves pays for what it received, also if its gateway ends before the receipt was there", async () => {
  const { promise: until, resolve } = Promise.withResolvers<undefined>();
  mock.enqueue({ text: ["first ", "second"], trouble: { kind: "hang", afterPieces: 1, until } });
  const client = new AbortController();
  const reply = await fetch(`${alice.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${caller.key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "@bob/qwen3", messages, stream: true }),
    signal: client.signal,
  });
  const reader = reply.body!.getReader();
  await reader.read();
  client.abort();
  const sold = await waitUntil("the seller has signed", async () => {
    const [last] = (await callAdmin(bob, "market.trades")).data;
    return last?.state === "cancelled" ? last : undefined;
  });
  resolve(undefined);
  assert.ok(Number(sold.credits) > 0);
  await alice.drain(1000);
  await waitUntil("it is paid", async () => {
    const [row] = await bob.sql(
      "select count(*) as n from market_leases where state = 'open' and buyer like 'tn1_%' and id in (select lease from market_sales where request_id = ?)",
      sold.request_id,
    );
    return row!["n"] === 0;
  });
  const [lease] = await bob.sql(
    "select state, contested_nano_usd as contested from market_leases where id in (select lease from market_sales where request_id = ?)",
    sold.request_id,
  );
  assert.deepEqual({ ...lease }, { state: "settled", contested: 0 });
});

test("after all of that Bob's books are right, and Alice's account has what she acknowledged and what waits", async () => {
  const { data } = await callAdmin(bob, "market.statements", { query: { verify: "true" } });
  assert.deepEqual(
    data.flatMap(({ problem }) => problem ?? []),
    [],
  );
  assert.ok(Number(await owed()) <= 0);
});
