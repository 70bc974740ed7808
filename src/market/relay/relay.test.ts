import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request as httpRequest, type IncomingMessage, type Server } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { afterEach, test } from "node:test";
import { waitUntil } from "../../../tests/testbed/wait-until.ts";
import { silentLogger, systemClock } from "../../core/index.ts";
import { openUpgraded } from "../../upstream/index.ts";
import { createNodeKey, isSignedBy } from "../identity/node-key.ts";
import { RelayPasses } from "../identity/relay-pass.ts";
import { MarketRefusal } from "../refusal.ts";
import { marketPrefix, passHeader, requestBytes } from "../wire.ts";
import { RelayLink } from "./relay-link.ts";
import { readRelay, relaySchema } from "./relay-section.ts";
import { Relay } from "./relay.ts";

const relayKey = createNodeKey(Buffer.alloc(32, 1));
const sellerKey = createNodeKey(Buffer.alloc(32, 2));
const buyerKey = createNodeKey(Buffer.alloc(32, 3));
const noTimers = (): (() => void) => () => undefined;

interface Scene {
  readonly relay: Relay;
  readonly server: Server;
  readonly url: string;
  readonly links: RelayLink[];
  /** Delays after which a link connects again, and what does it. */
  readonly retries: { readonly delayMs: number; readonly run: () => void }[];
  /** What was sent to connect, with its authorization. */
  readonly asked: string[];
  close(): Promise<void>;
}

const scenes: Scene[] = [];

async function openScene(change: object = {}, signer = relayKey): Promise<Scene> {
  const settings = readRelay(relaySchema.parse({ peers: true, ...change }));
  const asked: string[] = [];
  const relay: Relay = new Relay({
    key: signer,
    settings: () => settings,
    url: () => url,
    isExchange: () => false,
    caller: (authorization = "", path) => {
      asked.push(authorization);
      const [node = "", at = "", sig = ""] = authorization.replace("TN1 ", "").split(".");
      const isRight = isSignedBy(node, requestBytes(relayKey.id, path, Number(at)), Buffer.from(sig, "base64url"));
      return isRight ? Promise.resolve(node) : Promise.reject(new MarketRefusal("bad_document", "It is not signed."));
    },
    known: (node) =>
      Promise.resolve(node === sellerKey.id || node === buyerKey.id ? { name: "known", role: "peer", isBlocked: false } : undefined),
    onSeller: () => undefined,
    clock: systemClock,
    logger: silentLogger,
    every: noTimers,
  });
  const server = createServer((request, response) => {
    const [, node = "", path = ""] = /\/relay\/(tn1_[^/]+)(.*)$/.exec(request.url!)!;
    relay.forward(request, response, { node, path }).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else response.writeHead((error as MarketRefusal).status).end((error as MarketRefusal).code);
    });
  });
  server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => relay.attach(request, socket, head));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const links: RelayLink[] = [];
  const close = async (): Promise<void> => {
    await Promise.all([relay.close(), ...links.map((link) => link.close())]);
    server.closeAllConnections();
    if (server.listening) server.close();
  };
  const scene = { relay, server, url, links, retries: [], asked, close };
  scenes.push(scene);
  return scene;
}

/** A seller that answers each call with `onCall`. */
async function connect(scene: Scene, onCall: (stream: ServerHttp2Stream) => void): Promise<RelayLink> {
  const link = new RelayLink({
    relay: { node: relayKey.id, name: "hub", url: scene.url, role: "peer" },
    key: sellerKey,
    connect: openUpgraded,
    onCall: (stream) => {
      stream.on("error", () => undefined);
      onCall(stream);
    },
    onChange: () => undefined,
    clock: systemClock,
    logger: silentLogger,
    random: () => 1,
    every: noTimers,
    schedule: (delayMs, run) => {
      scene.retries.push({ delayMs, run });
      return () => undefined;
    },
  });
  scene.links.push(link);
  await link.start();
  return link;
}

const echo = (stream: ServerHttp2Stream): void => {
  stream.respond({ ":status": 200, "content-type": "application/octet-stream" });
  stream.pipe(stream);
};

interface Reply {
  readonly status: number;
  readonly text: string;
}

async function call({ url }: Scene, body: string | Uint8Array, key = buyerKey, path = "serve"): Promise<Reply> {
  const pass = new RelayPasses(() => key, Date.now).for(sellerKey.id);
  const reply = await fetch(`${url}${marketPrefix}/relay/${sellerKey.id}/${path}`, {
    method: "POST",
    headers: { [passHeader]: pass },
    body: typeof body === "string" ? body : new Uint8Array(body),
  });
  return { status: reply.status, text: await reply.text() };
}

afterEach(async () => {
  await Promise.all(scenes.splice(0).map((scene) => scene.close()));
});

test("many calls go over two connections, each with its own bytes", async () => {
  const scene = await openScene({ calls: 100, calls_per_caller: 100 });
  const link = await connect(scene, echo);
  await waitUntil("both connections are open", () => link.connections === 2 && scene.relay.sellers[0]?.connections === 2);
  const bodies = Array.from({ length: 60 }, (_, index) => `${index} `.repeat(3000));
  const replies = await Promise.all(bodies.map((body) => call(scene, body)));
  assert.deepEqual(
    replies.map(({ text }) => text),
    bodies,
  );
  assert.deepEqual([scene.relay.sellers[0]?.connections, scene.relay.sellers[0]?.calls, scene.relay.counts.forwarded], [2, 0, 60]);
});

test("a buyer that does not read makes the seller wait, and other calls go on", async () => {
  const scene = await openScene();
  let written = 0;
  let isFirst = true;
  await connect(scene, (stream) => {
    if (!isFirst) {
      echo(stream);
      return;
    }
    isFirst = false;
    stream.respond({ ":status": 200 });
    const write = (): void => {
      for (let piece = 0; piece < 10_000; piece++) {
        written += 65_536;
        if (!stream.write(Buffer.alloc(65_536))) {
          stream.once("drain", write);
          return;
        }
      }
    };
    write();
  });
  const pass = new RelayPasses(() => buyerKey, Date.now).for(sellerKey.id);
  const slow = httpRequest(`${scene.url}${marketPrefix}/relay/${sellerKey.id}/serve`, { method: "POST", headers: { [passHeader]: pass } });
  slow.on("error", () => undefined).end("x");
  const [answer] = (await once(slow, "response")) as [IncomingMessage];
  answer.pause();
  let before = -1;
  await waitUntil("the seller waits", async () => {
    const isSame = written === before;
    before = written;
    await call(scene, "others go on");
    return isSame;
  });
  // Windows of HTTP/2 and buffers of sockets on two lines; the seller would have written 655 MB.
  assert.ok(written < 30_000_000, String(written));
  slow.destroy();
  await waitUntil("the call is over", () => scene.relay.sellers[0]?.calls === 0);
});

test("a seller, a caller and callers that are not known each have a number of calls, and a seller its bytes", async () => {
  const scene = await openScene({ calls: 4, calls_per_caller: 3, megabytes_per_hour: 1 });
  const waiting: ServerHttp2Stream[] = [];
  let isHeld = true;
  await connect(scene, (stream) => (isHeld ? void waiting.push(stream) : echo(stream)));
  const stranger = createNodeKey(Buffer.alloc(32, 4));
  const other = createNodeKey(Buffer.alloc(32, 5));
  const held: Promise<Reply>[] = [];
  const hold = async (key: typeof buyerKey): Promise<void> => {
    const count = waiting.length + 1;
    held.push(call(scene, "x", key));
    await waitUntil("the call has arrived", () => waiting.length === count);
  };
  await hold(stranger);
  await hold(other);
  // Strangers have half of the places.
  const third = await call(scene, "x", createNodeKey(Buffer.alloc(32, 6)));
  await hold(buyerKey);
  await hold(buyerKey);
  const fifth = await call(scene, "x", buyerKey);
  isHeld = false;
  const short = await call(scene, "x", buyerKey, "sealed");
  for (const stream of waiting) echo(stream);
  const all = await Promise.all(held);
  await call(scene, "x".repeat(600_000));
  const over = await call(scene, "x");
  // Short calls have places of their own.
  assert.equal(short.status, 200);
  assert.deepEqual(
    [third, fifth, over].map(({ status, text }) => [status, text]),
    Array.from({ length: 3 }, () => [429, "too_many_requests"]),
  );
  assert.deepEqual(
    all.map(({ status }) => status),
    [200, 200, 200, 200],
  );
});

test("a relay that ends lets calls end, and its sellers connect to the next one, later and later while it is away", async () => {
  const scene = await openScene();
  let finish: (() => void) | undefined;
  const link = await connect(scene, (stream) => {
    stream.respond({ ":status": 200 });
    stream.write("begun ");
    finish = () => stream.end("and ended");
  });
  await waitUntil("both connections are open", () => link.connections === 2);
  const under = call(scene, "x");
  await waitUntil("the call has arrived", () => finish !== undefined);
  const closed = scene.relay.close();
  const refused = await call(scene, "x");
  finish!();
  assert.deepEqual(
    [await under, refused],
    [
      { status: 200, text: "begun and ended" },
      { status: 503, text: "unavailable" },
    ],
  );
  await closed;
  await waitUntil("the seller has noticed", () => link.connections === 0 && scene.retries.length === 2);
  assert.deepEqual([link.url, link.problem], [undefined, "the connection was lost"]);
  scene.server.closeAllConnections();
  scene.server.close();
  for (let round = 0; round < 8; round++) {
    const count = scene.retries.length + 1;
    scene.retries.at(-1)!.run();
    await waitUntil("it has tried again", () => scene.retries.length === count);
  }
  assert.deepEqual(
    scene.retries.slice(2).map(({ delayMs }) => delayMs / 1000),
    [2, 4, 8, 16, 32, 60, 60, 60],
  );
  assert.match(link.problem!, /ECONNREFUSED/);
});

test("a relay is who it says it is, and a connection that somebody sends again is refused", async () => {
  const wrong = await openScene({}, createNodeKey(Buffer.alloc(32, 7)));
  const link = await connect(wrong, echo);
  assert.deepEqual([link.connections, link.problem], [0, "The relay's answer is not signed by it."]);
  const scene = await openScene();
  const right = await connect(scene, echo);
  await waitUntil("both connections are open", () => right.connections === 2);
  for (const authorization of scene.asked.slice(0, 2)) {
    const path = `${marketPrefix}/relay/${sellerKey.id}`;
    const again = openUpgraded({ url: scene.url + path, protocol: "tokligence-relay/1", headers: { authorization }, timeoutMs: 1000 });
    await assert.rejects(again, { status: 400 });
  }
  assert.equal(scene.relay.sellers[0]?.connections, 2);
});

test("a node that the relay does not serve is refused, and so are more sellers than it allows", async () => {
  const closed = await openScene({ peers: false });
  assert.equal((await connect(closed, echo)).problem, "This node is no relay for yours.");
  const full = await openScene({ sellers: 1 });
  await connect(full, echo);
  const path = `${marketPrefix}/relay/${buyerKey.id}`;
  const at = Date.now();
  const authorization = `TN1 ${buyerKey.id}.${at}.${buyerKey.sign(requestBytes(relayKey.id, path, at)).toString("base64url")}`;
  const second = openUpgraded({ url: full.url + path, protocol: "tokligence-relay/1", headers: { authorization }, timeoutMs: 1000 });
  await assert.rejects(second, { status: 409 });
});

test("a seller that goes away during an answer is noticed by its buyer", async () => {
  const scene = await openScene();
  const link = await connect(scene, (stream) => {
    stream.respond({ ":status": 200 });
    stream.write("begun");
    stream.close(2);
  });
  await assert.rejects(call(scene, "x"));
  await link.close();
  await waitUntil("the relay has noticed", () => scene.relay.sellers.length === 0);
  assert.deepEqual(await call(scene, "x"), { status: 503, text: "unavailable" });
});
