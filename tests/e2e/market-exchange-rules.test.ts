import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { documentText, signDocument, verifyDocument, type MarketDocument } from "../../src/market/documents/document.ts";
import type { DocumentBody } from "../../src/market/documents/kinds.ts";
import { encodeFrame, frameTypes } from "../../src/market/identity/frames.ts";
import { createNodeKey, type NodeKey } from "../../src/market/identity/node-key.ts";
import { readInvite } from "../../src/market/peers/invites.ts";
import { marketPrefix, requestBytes } from "../../src/market/wire.ts";
import type { JsonObject } from "../testbed/json.ts";
import { createMockUpstream, type MockUpstream } from "../testbed/mock-upstream.ts";
import { waitUntil } from "../testbed/wait-until.ts";
import { callAdmin } from "./call-admin.ts";
import { startGateway, type TestGateway } from "./harness.ts";

/** The rules of an exchange that no single story shows. Alice and Carol serve without keys: Alice lets such requests go to exchanges. Mallory is a member by hand. */
let mock: MockUpstream;
let exchange: TestGateway;
let bob: TestGateway;
let alice: TestGateway;
let carol: TestGateway;
let mallory: Mallory;

const market = (name: string, more: string): string => `market: { listen: 127.0.0.1:0, name: ${name}${more} }\n`;
const noKeys = "gateway: { auth: { enabled: false } }\n";
const plaza = market("plaza", "");
const vendor = (url: string): string =>
  `openai: { base_url: "${url}/v1", protocols: [openai-chat], api_key: rig-key-1234567890, models: [gpt-x] }`;

async function inviteOf(limit: string): Promise<string> {
  return (await callAdmin(exchange, "exchange.invite", { body: { limit } })).invite;
}

before(async () => {
  mock = await createMockUpstream({ apiKeys: ["rig-key-1234567890"], countsText: true });
  // A name of a vendor, at an address that is not this machine's own, for the gate.
  const rig = `rig: { base_url: "${mock.url}/v1", protocols: [openai-chat], api_key: rig-key-1234567890, models: [qwen3] }`;
  exchange = await startGateway({ config: plaza });
  bob = await startGateway({
    config: `${market("bob", ', allow_private: true, max_exposure: "0.0002"')}providers: { ${rig}, ${vendor("http://192.0.2.1")} }\nrouting: { retries: 0 }\n`,
  });
  alice = await startGateway({
    config: `${market("alice", ", allow_private: true, buy: { keyless: any }")}${noKeys}routing: { retries: 0 }\n`,
  });
  carol = await startGateway({ config: `${market("carol", "")}${noKeys}` });
  await callAdmin(exchange, "exchange.start");
  await callAdmin(bob, "market.share", { body: { model: "qwen3", input: "0.08", output: "0.28" } });
  for (const [gateway, limit] of [
    [bob, "0"],
    [alice, "5"],
    [carol, "5"],
  ] as const)
    await callAdmin(gateway, "market.join", { body: { invite: await inviteOf(limit) } });
  mallory = await Mallory.join(await inviteOf("1"));
});
after(async () => {
  for (const gateway of [carol, alice, bob, exchange]) await gateway.stop();
  await mock.close();
});

async function ask(gateway: TestGateway, path: string, body: object): Promise<string> {
  const reply = await fetch(gateway.url + path, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "content-type": "application/json" },
  });
  const json = (await reply.json()) as { readonly error?: JsonObject };
  return reply.status === 200 ? "200" : `${reply.status} ${JSON.stringify(json.error)}`;
}

const messages = [{ role: "user", content: "Hi" }];
const chat = { model: "@plaza/qwen3", messages };

/** A member that signs what it likes. */
class Mallory {
  readonly key: NodeKey;
  readonly #url: string;
  readonly #exchange: string;
  #seq = 1;

  private constructor(invite: string) {
    const { urls, node } = readInvite(invite);
    this.key = createNodeKey(Buffer.alloc(32, 66));
    this.#url = urls[0]! + marketPrefix;
    this.#exchange = node;
  }

  static async join(invite: string): Promise<Mallory> {
    const mallory = new Mallory(invite);
    const { status } = await mallory.#post(
      "/join",
      JSON.stringify({ code: readInvite(invite).code, node: mallory.#node("http://192.0.2.9") }),
    );
    assert.equal(status, 200);
    return mallory;
  }

  #node(direct: string): unknown {
    const at = Date.now();
    const seal = [{ kid: "k1", x25519: "hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo", until: at + 1e6 }];
    return signDocument(this.key, "node/1", { node: this.key.id, name: "mallory", seq: this.#seq, at, seal, reach: { direct } });
  }

  #post(path: string, body: string): Promise<Response> {
    return fetch(this.#url + path, { method: "POST", body });
  }

  /** Offers a model at an address, cheaper than everybody. */
  async offer(direct: string): Promise<number> {
    const at = Date.now();
    this.#seq += 1;
    const offer = signDocument(this.key, "offer/1", {
      offer: "ofr_01890000-0000-7000-8000-000000000000",
      seq: this.#seq,
      seller: this.key.id,
      at,
      until: at + 120_000,
      model: "bait",
      weights: "",
      quantization: "",
      context: 100_000,
      max_output: 100,
      dialects: ["anthropic-messages", "gemini-generate", "openai-chat"],
      features: ["tools"],
      unit: "credit",
      price: { input: "1", output: "1", cache_read: "1" },
      free: 9,
      limits: { hold: "1000000000", ttl_s: 300, unacked: 2 },
      policy: { retention: "none", training: false, region: "" },
      source: "self-hosted",
      licence: "",
      audience: ["*"],
    });
    const reply = await this.#post("/offers", `{"node":${JSON.stringify(this.#node(direct))},"offers":[${documentText(offer)}]}`);
    assert.equal(reply.status, 200, await reply.clone().text());
    return ((await reply.json()) as { readonly rev: number }).rev;
  }

  /** The body of a lease as it would be right, on the first offer of a seller that the book names. */
  async leaseOn(node: string): Promise<Lease> {
    const { sellers } = (await (await this.get("/book?after=0")).json()) as Book;
    const offer = sellers.flatMap(({ offers }) => offers).find(({ body }) => body.seller === node)!;
    const now = Date.now();
    return {
      lease: `lse_${"0".repeat(32)}`,
      clearing: this.#exchange,
      buyer: this.key.id,
      seller: node,
      offer: verifyDocument(offer, node),
      model: offer.body.model,
      unit: "credit",
      price: offer.body.price,
      hold: "1000000",
      fee_ppm: 0,
      unacked: 2,
      opened_at: now,
      serve_until: now + 60_000,
      settle_by: now + 400_000,
    };
  }

  /** Opens a request at a seller with a lease that it has signed itself. @returns the code of the refusal. */
  async serveOn(seller: string, lease: Lease): Promise<string> {
    const hash = `sha256:${"b".repeat(64)}`;
    const order = signDocument(this.key, "order/1", {
      lease: lease.lease,
      n: 1,
      session: hash,
      request: hash,
      max: "1000",
      ceiling: "1000",
      max_output: 10,
      deadline: Date.now() + 30_000,
      ack: { seq: 0, cum: "0", receipt: "" },
      close: false,
    });
    const open = JSON.stringify({ order, kid: "d1", enc: "AA", lease: signDocument(this.key, "lease/1", lease) });
    const reply = await fetch(`${seller}${marketPrefix}/serve`, {
      method: "POST",
      body: new Uint8Array(encodeFrame(frameTypes.open, Buffer.from(open))),
    });
    const { error } = (await reply.json()) as { readonly error: { readonly code: string } };
    return `${reply.status} ${error.code}`;
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    const at = Date.now();
    const sig = this.key.sign(requestBytes(this.#exchange, marketPrefix + path, at)).toString("base64url");
    return fetch(this.#url + path, { headers: { authorization: `TN1 ${this.key.id}.${at}.${sig}`, ...headers } });
  }
}

type Lease = DocumentBody<"lease/1">;

interface Book {
  readonly sellers: readonly { readonly offers: readonly MarketDocument<"offer/1">[] }[];
}

test("a seller serves no lease that its exchange has not signed", async () => {
  const { node, reach } = await callAdmin(bob, "market.status");
  const lease = await mallory.leaseOn(node!);
  const before = mock.requests.length;
  const found = [
    await mallory.serveOn(reach!, lease),
    await mallory.serveOn(reach!, { ...lease, clearing: mallory.key.id }),
    // Bob himself is the clearing of his peers, and has given no such lease.
    await mallory.serveOn(reach!, { ...lease, clearing: node! }),
  ];
  assert.deepEqual(found, ["400 bad_document", "403 unknown_node", "403 unknown_node"]);
  assert.equal(mock.requests.length, before);
});

test("a prompt and its answer are in no log and no database, the exchange's neither", async () => {
  const canary = "canary-5d20c7-of-the-prompt";
  mock.enqueue({ text: [`The answer has ${canary}.`] });
  assert.equal(await ask(alice, "/v1/chat/completions", { ...chat, messages: [{ role: "user", content: canary }] }), "200");
  assert.ok(mock.requests.some(({ body }) => body.toString().includes(canary)));
  for (const [name, gateway] of Object.entries({ exchange, alice, bob })) {
    await gateway.rows();
    const places = [Buffer.from(await gateway.logText())];
    for (const suffix of ["", "-wal"]) if (existsSync(gateway.database + suffix)) places.push(readFileSync(gateway.database + suffix));
    for (const bytes of places) {
      assert.ok(bytes.length > 50, name);
      for (const form of [canary, Buffer.from(canary).toString("base64").slice(4, 20)]) assert.equal(bytes.includes(form), false, name);
    }
  }
});

test("requests without a key go to exchanges only if market.buy.keyless says so", async () => {
  assert.equal(await ask(alice, "/v1/chat/completions", chat), "200");
  const before = mock.requests.length;
  assert.match(await ask(carol, "/v1/chat/completions", chat), /^(?:403|404) /);
  assert.equal(mock.requests.length, before);
});

test("requests with tools do not go to an exchange, in any dialect", async () => {
  const schema = { type: "object", properties: {} };
  const found = [
    await ask(alice, "/v1/chat/completions", { ...chat, tools: [{ type: "function", function: { name: "look", parameters: schema } }] }),
    await ask(alice, "/v1/messages", { ...chat, max_tokens: 50, tools: [{ name: "look", input_schema: schema }] }),
    await ask(alice, "/v1/responses", { model: chat.model, input: "Hi", tools: [{ type: "function", name: "look", parameters: schema }] }),
    await ask(alice, `/v1beta/models/${encodeURIComponent(chat.model)}:generateContent`, {
      contents: [{ role: "user", parts: [{ text: "Hi" }] }],
      tools: [{ functionDeclarations: [{ name: "look" }] }],
    }),
  ];
  assert.deepEqual(
    found.map((text) => /market\.buy\.tools allows it/.test(text)),
    [true, true, true, true],
    found.join("\n"),
  );
});

test("an answer without text costs its input, and an answer without anything costs nothing", async () => {
  mock.enqueue({ text: [""], usage: { input: 10, output: 0 } });
  assert.equal(await ask(alice, "/v1/chat/completions", chat), "200");
  const [trade] = (await callAdmin(alice, "market.trades")).data;
  assert.deepEqual([trade?.credits, trade?.state], ["0.0000008", "acked"]);
  mock.enqueue({ trouble: { kind: "error", error: { status: 500, message: "" } } });
  assert.match(await ask(alice, "/v1/chat/completions", chat), /^5\d\d /);
  const [failed] = (await callAdmin(bob, "market.trades")).data;
  assert.deepEqual([failed?.credits, failed?.state], ["0", "failed"]);
  const [last] = (await alice.rows()).slice(-1);
  assert.deepEqual([last?.provider, Number(last?.cost_nano_usd ?? -1)], ["@plaza", 0]);
});

test("a reader that has this state of the book gets 304, and the new one after a change", async () => {
  const first = await mallory.get("/book?after=0");
  const tag = first.headers.get("etag") ?? "";
  const { rev } = (await first.json()) as { readonly rev: number };
  assert.equal(tag, `"${rev}"`);
  const same = await mallory.get(`/book?after=${rev}`, { "if-none-match": tag });
  assert.deepEqual([same.status, await same.text()], [304, ""]);
  const next = await mallory.offer("http://192.0.2.9");
  const changed = await mallory.get(`/book?after=${rev}`, { "if-none-match": tag });
  assert.deepEqual([changed.status, changed.headers.get("etag"), next > rev], [200, `"${next}"`, true]);
});

test("a seller that names an address inside of the buyer's network, or of the link, is not called there", async () => {
  const server = createServer((_request, response) => response.end()).listen(0, "127.0.0.1");
  let connections = 0;
  server.on("connection", () => connections++);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const offered = async (gateway: TestGateway): Promise<boolean> =>
    (await callAdmin(gateway, "market.offers")).data.some(({ model }) => model === "@plaza/bait");
  const seen: (readonly [string, boolean, boolean])[] = [];
  const places = [`http://127.0.0.1:${port}`, `http://localhost:${port}`, "http://10.0.0.1:80", "http://[::1]:80", "http://rig:80"];
  for (const place of [...places, "http://169.254.169.254", "http://[fe80::1]", "http://[::ffff:a9fe:a9fe]", "http://100.100.100.200"]) {
    await mallory.offer(place);
    seen.push([place, await offered(carol), await offered(alice)]);
  }
  // Alice has allow_private.
  assert.deepEqual(
    seen.map(([place, toCarol, toAlice]) => [place, toCarol, toAlice]),
    seen.map(([place]) => [place, false, places.includes(place)]),
  );
  assert.match(await ask(carol, "/v1/chat/completions", { model: "@plaza/bait", messages }), /^(?:403|404) /);
  assert.equal(connections, 0);
  server.close();
  await once(server, "close");
  await mallory.offer("http://192.0.2.9");
});

test("a vendor's API is offered at an exchange of one organisation only, whatever flags are given", async () => {
  const share = async (more: JsonObject): Promise<number> => {
    const reply = await fetch(`${bob.url}/api/v1/market/shares`, {
      method: "POST",
      headers: { authorization: `Bearer ${bob.adminKey}` },
      body: JSON.stringify({ model: "gpt-x", input: "0.01", output: "0.01", ...more }),
    });
    await reply.text();
    return reply.status;
  };
  assert.deepEqual([await share({}), await share({ licence: "MIT" }), await share({ contract: " " })], [400, 400, 400]);
  assert.equal(await share({ affirm: "same-organisation" }), 200);
  await callAdmin(bob, "market.offers");
  const { data } = await callAdmin(alice, "market.offers");
  assert.deepEqual(
    data.filter(({ model }) => model.includes("gpt-x")),
    [],
  );
  await callAdmin(bob, "market.unshare", { param: "gpt-x" });
});

test("a second process on the same SQLite database is refused as an exchange and as a seller, in words", async () => {
  const refusal = async (of: TestGateway, config: string, path: string, body?: JsonObject): Promise<string> => {
    const second = await startGateway({ config, database: of.database, processes: 1 });
    try {
      const headers = { authorization: `Bearer ${of.adminKey}` };
      const reply = await fetch(second.url + path, {
        method: "POST",
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const { error } = (await reply.json()) as { readonly error?: { readonly message?: string } };
      return `${reply.status} ${error?.message}`;
    } finally {
      await second.stop();
    }
  };
  assert.match(
    await refusal(exchange, plaza, "/api/v1/exchange/start"),
    /^409 Another process \(\S+ 127\.0\.0\.1:\d+\) is the exchange on this database\. .* several need PostgreSQL/,
  );
  assert.match(
    await refusal(bob, market("bob", ""), "/api/v1/market/shares", { model: "loopback", input: "1", output: "1" }),
    /^409 Another process \(\S+ 127\.0\.0\.1:\d+\) sells on this database/,
  );
  // Bob's own leases are still his: the second process has settled none of them.
  assert.equal(await ask(alice, "/v1/chat/completions", chat), "200");
});

test("each action of the exchange's admin is an entry of the audit trail", async () => {
  await callAdmin(exchange, "exchange.members.update", { param: "carol", body: { limit: "6", blocked: true } });
  await callAdmin(exchange, "exchange.members.update", { param: "carol", body: { blocked: false, credit: "2", reason: "invoice 17" } });
  const found = await waitUntil("the entries are there", async () => {
    const reply = await fetch(`${exchange.url}/api/v1/audit?limit=1000`, { headers: { authorization: `Bearer ${exchange.adminKey}` } });
    const { data } = (await reply.json()) as { readonly data: readonly { readonly action: string; readonly actor: string }[] };
    const own = data.filter(({ action }) => action.startsWith("exchange."));
    return own.length >= 7 ? own : undefined;
  });
  const counts: Record<string, number> = {};
  for (const { action } of found) counts[action] = (counts[action] ?? 0) + 1;
  // One start, and the second process's that was refused.
  assert.deepEqual(counts, { "exchange.start": 2, "exchange.invite": 4, "exchange.members.update": 2 });
});

test("a seller sells nothing more over an exchange that owes it more than max_exposure", async () => {
  let answered = 0;
  let refusal = "";
  while (refusal === "" && answered < 60) {
    const status = await ask(alice, "/v1/chat/completions", chat);
    if (status === "200") answered += 1;
    else refusal = status;
  }
  assert.match(refusal, /^(?:429|503) .*The exchange owes the seller as much as it allows/);
  assert.ok(answered > 0);
  const earned = (await callAdmin(bob, "market.trades", { query: { limit: "1000" } })).data.reduce(
    (sum, { credits }) => sum + Number(credits),
    0,
  );
  // At most one request more than what it allows.
  assert.ok(earned > 0.0002 && earned < 0.0004, String(earned));
});
