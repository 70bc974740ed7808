import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { frameTypes, type Frame } from "../../src/market/identity/frames.ts";
import { marketPrefix, relayOf } from "../../src/market/wire.ts";
import { createMockUpstream, type MockUpstream } from "../testbed/mock-upstream.ts";
import { waitUntil } from "../testbed/wait-until.ts";
import { callAdmin } from "./call-admin.ts";
import { startGateway, type Caller, type TestGateway } from "./harness.ts";
import { asItIs, createMarketLine, type MarketLine, type OnFrame } from "./market-rig.ts";

/**
 * Home sells, and listens on nothing: it keeps connections to Hub, a friend with an address. Alice knows Home alone, and calls it through Hub. Between all of them and Hub
 * is a line that does what a hostile relay could do.
 */
let mock: MockUpstream;
let hub: TestGateway;
let line: MarketLine;
let home: TestGateway;
let alice: TestGateway;
let caller: Caller;
/** Of Alice's last call. */
let lastPass = "";
const canary = "the canary sings at noon";

before(async () => {
  mock = await createMockUpstream({ apiKeys: ["rig-key-1234567890"], countsText: true });
  line = await createMarketLine();
  hub = await startGateway({
    config: `market: { listen: 127.0.0.1:0, reach: "${line.url}", name: hub, relay: { peers: true }, per_buyer: { calls_per_second: 1000 } }\n`,
  });
  const provider = `{ base_url: "${mock.url}/v1", protocols: [openai-chat], api_key: rig-key-1234567890, models: [qwen3] }`;
  home = await startGateway({
    config: `market: { listen: 127.0.0.1:0, name: home, per_buyer: { calls_per_second: 1000, concurrency: 20 } }\nproviders: { rig: ${provider} }\n`,
  });
  alice = await startGateway({ config: "market: { listen: 127.0.0.1:0, name: alice }\nrouting: { retries: 0 }\n" });
  caller = await alice.createKey();
  const { invite } = await callAdmin(hub, "market.invite", { body: { limit: "5" } });
  line.target = `http://127.0.0.1:${await marketPort(hub)}`;
  await callAdmin(home, "market.join", { body: { invite } });
  await callAdmin(home, "market.relays.use", { body: { name: "hub" } });
  await callAdmin(home, "market.share", { body: { model: "qwen3", input: "0.08", output: "0.28", licence: "Apache-2.0" } });
  const made = await callAdmin(home, "market.invite", { body: { limit: "5" } });
  assert.equal(relayOf(made.reach)?.relay, line.url);
  await callAdmin(alice, "market.join", { body: { invite: made.invite } });
});
after(async () => {
  await alice.stop();
  await home.stop();
  await hub.stop();
  await line.close();
  await mock.close();
});

/** The port is one that the system has chosen. */
async function marketPort(gateway: TestGateway): Promise<string> {
  const text = await gateway.logText();
  return /"port":(\d+)[^\n]*the market's address is open/.exec(text)![1]!;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function ask(buyer: TestGateway, key: string, stream: boolean, model = "@home/qwen3"): Promise<Answer> {
  const reply = await fetch(`${buyer.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ model, max_tokens: 200, stream, messages: [{ role: "user", content: canary }] }),
  });
  return { status: reply.status, text: await reply.text().catch(() => "") };
}

test("a buyer gets answers and streams of a seller that listens on nothing", async () => {
  for (const stream of [false, true]) assert.equal((await ask(alice, caller.key, stream)).status, 200);
  const { data } = await callAdmin(alice, "market.offers");
  assert.deepEqual(
    data.map(({ model }) => model),
    ["@home/qwen3"],
  );
  const status = await callAdmin(home, "market.status");
  assert.deepEqual(
    [status.listening, status.relays.map(({ name, url, problem }) => [name, url, problem])],
    [false, [["hub", line.url, null]]],
  );
  await waitUntil("both connections are open", async () => (await callAdmin(hub, "market.status")).relayed[0]?.connections === 2);
});

test("the relay itself buys from a seller that is connected to it", async () => {
  const own = await hub.createKey();
  await callAdmin(hub, "market.peers.update", { param: "home", body: { limit: "5" } });
  assert.equal((await ask(hub, own.key, true)).status, 200);
});

test("a seller whose relay is away is not asked, and is asked again once it is back", async () => {
  const isListening = async (): Promise<boolean> => (await callAdmin(home, "market.status")).listening;
  await callAdmin(home, "market.relays.drop", { param: "hub" });
  assert.equal(await isListening(), true);
  assert.equal((await ask(alice, caller.key, false)).status, 503);
  await callAdmin(home, "market.relays.use", { body: { name: "hub" } });
  assert.equal(await isListening(), false);
  assert.equal((await ask(alice, caller.key, false)).status, 200);
});

test("nothing of a request, an answer or a document is in clear at the relay", async () => {
  const mark = line.bytes.length;
  assert.equal((await ask(alice, caller.key, false)).status, 200);
  await callAdmin(alice, "market.statements", { query: { verify: "true" } });
  const bytes = Buffer.concat(line.bytes.slice(mark)).toString("latin1");
  for (const secret of [canary, "chat.completion", '"offers"', '"balance"', "receipt/1"])
    assert.equal(bytes.includes(secret), false, secret);
  const kept = (await readFile(hub.database)).toString("latin1") + (await hub.logText());
  assert.equal(kept.includes(canary), false);
});

/** What a relay could do to the frames of each answer. */
function hostile(): Readonly<Record<string, () => OnFrame>> {
  const onNth = (type: number, wanted: number, then: (frame: Frame) => ReturnType<OnFrame>): OnFrame => {
    let seen = 0;
    return (frame) => {
      if (frame.type === frameTypes.head) seen = 0;
      return frame.type === type && ++seen === wanted ? then(frame) : [frame];
    };
  };
  return {
    flips: () =>
      onNth(frameTypes.data, 1, (frame) => {
        const payload = Buffer.from(frame.payload);
        payload[0]! ^= 1;
        return [{ ...frame, payload }];
      }),
    drops: () => onNth(frameTypes.data, 1, () => []),
    repeats: () => onNth(frameTypes.data, 1, (frame) => [frame, frame]),
    reorders: () => {
      let kept: Frame | undefined;
      return (frame) => {
        const before = kept;
        kept = before === undefined && frame.type === frameTypes.data ? frame : undefined;
        if (before !== undefined) return [frame, before];
        return kept === undefined ? [frame] : [];
      };
    },
    "keeps the end": () => onNth(frameTypes.end, 1, () => "cut"),
    "keeps all": () => onNth(frameTypes.head, 1, () => "cut"),
  };
}

for (const [what, behaviour] of Object.entries(hostile())) {
  test(`a relay that ${what} is noticed, and costs what a cut line costs`, async () => {
    mock.enqueue({ text: ["one ", "two ", "three ", "four"] });
    line.onFrame = behaviour();
    const answer = await ask(alice, caller.key, true);
    line.onFrame = asItIs;
    // An answer without its receipt is given once the receipt has been asked for.
    assert.equal(answer.text.includes("[DONE]"), what === "keeps the end", answer.text);
    assert.equal((await ask(alice, caller.key, true)).status, 200);
    const { peers } = await callAdmin(alice, "market.status");
    assert.deepEqual(
      peers.map(({ problem }) => problem),
      [null],
    );
  });
}

test("a request that a relay alters or sends twice is not served, or once", async () => {
  const posts = (): number => mock.requests.filter(({ method }) => method === "POST").length;
  const mark = posts();
  line.onRequest = (path, body) => {
    if (!path.endsWith("/serve")) return body;
    const altered = Buffer.from(body);
    altered[altered.length - 1]! ^= 1;
    return altered;
  };
  assert.equal((await ask(alice, caller.key, false)).status, 503);
  assert.equal(posts(), mark);
  let sent: Buffer | undefined;
  let url = "";
  line.onRequest = (path, body, headers) => {
    if (path.endsWith("/serve")) [sent, url, lastPass] = [body, path, String(headers["x-tokligence-pass"])];
    return body;
  };
  assert.equal((await ask(alice, caller.key, false)).status, 200);
  line.onRequest = (_path, body) => body;
  const again = await fetch(line.target + url, { method: "POST", headers: { "x-tokligence-pass": lastPass }, body: new Uint8Array(sent!) });
  assert.deepEqual([again.status >= 400, posts()], [true, mark + 1]);
});

test("an answer to a sealed call that a relay alters is refused", async () => {
  line.onAnswer = (path, bytes) => {
    if (!path.endsWith("/sealed")) return bytes;
    const altered = Buffer.from(bytes);
    altered[altered.length - 1]! ^= 1;
    return altered;
  };
  const [statement] = (await callAdmin(alice, "market.statements", { query: { verify: "true" } })).data;
  line.onAnswer = (_path, bytes) => bytes;
  assert.deepEqual([statement?.state, statement?.problem], ["unknown", "The relay has changed the node's answer, or cut it."]);
});

test("a relay forwards sealed calls with a pass alone", async () => {
  const { node } = await callAdmin(home, "market.status");
  const codeOf = async (path: string, init: RequestInit): Promise<unknown> => {
    const reply = await fetch(`${line.target}${marketPrefix}/relay/${node}${path}`, init);
    return ((await reply.json()) as { readonly error: { readonly code: string } }).error.code;
  };
  assert.deepEqual(
    [
      await codeOf("/serve", { method: "POST", body: "x" }),
      await codeOf("/serve", { method: "POST", body: "x", headers: { "x-tokligence-pass": "TN1 x.1.y" } }),
      await codeOf("/join", { method: "POST", body: "x", headers: { "x-tokligence-pass": lastPass } }),
      await codeOf("/book", { headers: { "x-tokligence-pass": lastPass } }),
    ],
    ["unknown_node", "unknown_node", "not_found", "not_found"],
  );
});

test("what was accepted is paid, whatever the relay has done meanwhile", async () => {
  const { node } = await callAdmin(alice, "market.status");
  await alice.drain(1000);
  // One was used while the relay was away: the next start closes it.
  const leases = await waitUntil("the leases are settled", async () => {
    const rows = await home.sql("select id, state, paid_nano_usd as paid from market_leases where buyer = ?", node!);
    return rows.filter(({ state }) => state === "open").length <= 1 ? rows.filter(({ state }) => state !== "open") : undefined;
  });
  const accepted = await alice.sql("select lease, sum(cost_nano_usd) as nano from market_trades where state = 'acked' group by lease");
  const nanoOf = new Map(accepted.map(({ lease, nano }) => [lease, nano]));
  assert.deepEqual(
    leases.map(({ id, paid }) => [id, paid]),
    leases.map(({ id }) => [id, nanoOf.get(id) ?? 0]),
  );
  assert.ok(leases.length > 5);
});
