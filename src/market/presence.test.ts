import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { silentLogger } from "../core/index.ts";
import { deskScene, sellerKey, type DeskScene } from "./desk-testing.ts";
import { Presence } from "./presence.ts";
import { relayedUrl } from "./wire.ts";

let scene: DeskScene;
before(async () => {
  scene = await deskScene();
});
after(() => scene.close());

function presenceOf(relay: { readonly peers: boolean }, host = "0.0.0.0", maySell = true): Presence {
  const createListener = () => ({ listen: () => Promise.resolve(8082), close: () => Promise.resolve() });
  const deps = {
    store: scene.store,
    clock: scene.clock,
    logger: silentLogger,
    settings: () => ({ host, port: 8082, reach: "http://192.0.2.7:8082", relay, perBuyer: { callsPerSecond: 1 } }),
    machine: { createListener },
    maySell,
  };
  return new Presence({ deps, keys: { node: sellerKey }, api: () => ({}), isExchange: () => false } as never);
}

test("a relay of peers is called from its start on, also if it sells nothing; another gateway is not", async () => {
  const listens: boolean[] = [];
  for (const [peers, maySell] of [
    [true, true],
    [false, true],
    [true, false],
  ] as const) {
    const presence = presenceOf({ peers }, "127.0.0.1", maySell);
    await presence.serveRelay();
    listens.push(presence.isListening);
  }
  assert.deepEqual(listens, [true, false, false]);
});

test("a relay calls sellers through itself at this machine, and all others where they say", async () => {
  const through = (relay: string): string => relayedUrl(relay, sellerKey.id);
  const called: string[] = [];
  for (const host of ["0.0.0.0", "::", "::1", "192.0.2.7"]) {
    const presence = presenceOf({ peers: true }, host);
    await presence.listen();
    called.push(presence.calledAt(through("http://192.0.2.7:8082")).replace(/\/market.*/, ""));
  }
  assert.deepEqual(called, ["http://127.0.0.1:8082", "http://127.0.0.1:8082", "http://[::1]:8082", "http://192.0.2.7:8082"]);
  const presence = presenceOf({ peers: true });
  await presence.listen();
  const others = [through("http://192.0.2.8:8082"), "http://192.0.2.7:8082"];
  assert.deepEqual(
    others.map((url) => presence.calledAt(url)),
    others,
  );
});
