import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProviderState } from "../../upstream/index.ts";
import type { KeyBlock } from "../observe/provider-facts.ts";
import { reportProviders } from "./provider-report.ts";

const nowMs = 1_000_000_000;
const minute = 60_000;

function seen(name: string, changes: Partial<ProviderState> = {}): ProviderState {
  return { name, ok: true, lastAtMs: nowMs, sinceMs: nowMs, latencyMs: 10, successes: 9, failures: 0, consecutiveFailures: 0, ...changes };
}

const failing = (count: number, lastAtMs = nowMs): Partial<ProviderState> => ({
  ok: false,
  lastAtMs,
  consecutiveFailures: count,
  failures: count,
  lastError: "status 500",
  lastErrorAtMs: lastAtMs,
});

interface Scene {
  readonly state?: Partial<ProviderState>;
  readonly keys?: readonly ProviderState[];
  readonly blocks?: readonly Omit<KeyBlock, "provider">[];
}

/** State and message of the provider `p` with two keys, and of each key. */
function report({ state, keys = [], blocks = [] }: Scene): string[] {
  const facts = {
    providers: state === undefined ? [] : [seen("p", state)],
    keys,
    blocks: blocks.map((block) => ({ provider: "p", ...block })),
  };
  const [own] = reportProviders([{ name: "p", enabled: true, keys: [{ id: "p#1" }, { id: "p#2" }] }], facts, nowMs);
  return [own!, ...own!.keys].map(({ state: shown, message }) => (message === null ? shown : `${shown}: ${message}`));
}

test("a provider that nobody has asked is idle, never down; so is one whose failure is ten minutes old", () => {
  assert.deepEqual(report({}), ["idle", "idle", "idle"]);
  assert.deepEqual(report({ state: failing(20, nowMs - 10 * minute - 1) }), ["idle", "idle", "idle"]);
  assert.deepEqual(report({ state: { lastAtMs: nowMs - 1000 * minute } }), ["up", "idle", "idle"]);
});

test("one failure is trouble, three in a row are down, and the next success ends both", () => {
  assert.deepEqual(report({ state: failing(1) })[0], "degraded: status 500");
  assert.deepEqual(report({ state: failing(3) })[0], "down: status 500");
  assert.deepEqual(report({ state: { ...failing(1), successes: 0 } })[0], "down: status 500");
  assert.deepEqual(report({ state: { failures: 3, lastError: "status 500", lastErrorAtMs: nowMs } })[0], "up");
});

test("keys that are left alone say why and for how long; a provider with none left is down", () => {
  const keys = [seen("p#1"), seen("p#2")];
  const refused = { keyId: "p#1", block: "credential", leftMs: 299_000 } as const;
  const message = "the provider refuses it; asked again in 299 s";
  assert.deepEqual(report({ state: {}, keys, blocks: [refused] }), [`degraded: ${message}`, `down: ${message}`, "up"]);
  const empty = { keyId: "p#2", block: "quota", leftMs: 0 } as const;
  const blocks = [refused, empty, { keyId: "p#1", block: "throttled", leftMs: 900_000 } as const];
  assert.deepEqual(report({ state: {}, keys, blocks }), [
    `down: ${message}`,
    `down: ${message}`,
    "down: its quota is used up; asked with the next request",
  ]);
  const slow = { keyId: "p#2", block: "throttled", leftMs: 1500 } as const;
  assert.deepEqual(report({ state: {}, keys, blocks: [slow] }).slice(2), ["degraded: it is throttled; asked again in 2 s"]);
});

test("a provider without keys shows its own blocks; the built-in one is up, and a disabled one says why", () => {
  const facts = {
    providers: [seen("local")],
    keys: [],
    blocks: [{ provider: "local", keyId: "local", block: "breaker", leftMs: 3000 } as const],
  };
  const configured = [
    { name: "loopback", enabled: true, builtin: true },
    { name: "local", enabled: true },
    { name: "off", enabled: false, disabledReason: "KEY is not set" },
  ];
  assert.deepEqual(
    reportProviders(configured, facts, nowMs).map(({ name, state, message }) => [name, state, message]),
    [
      ["loopback", "up", null],
      ["local", "degraded", "a model of it fails; asked again in 3 s"],
      ["off", "disabled", "KEY is not set"],
    ],
  );
});
