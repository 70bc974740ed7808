import assert from "node:assert/strict";
import { test } from "node:test";
import { deferred, startEdge } from "../testing.ts";
import { createHealthReader, healthRoutes, type HealthDeps } from "./health-routes.ts";

const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5);
const now = "2026-01-02T03:04:05.000Z";
const fine: HealthDeps = {
  version: "1.2.3",
  startedMs: 1000,
  now: () => 61_499,
  pingDatabase: () => Promise.resolve(1.23456),
  journal: () => ({ healthy: true, message: null }),
  providerFacts: () => ({ providers: [], keys: [], blocks: [] }),
  wallClock: () => nowMs,
  providers: () => [],
  serving: () => true,
};

const fresh = { since: now, last_error: null, last_error_at: null };
const databaseUp = { name: "database", state: "up", latency_ms: 1.23, message: null, ...fresh };
const journalUp = { name: "journal", state: "up", latency_ms: null, message: null, ...fresh };

/** A part in trouble since now. */
function troubled(name: string, state: string, message: string): object {
  return { name, state, latency_ms: null, message, since: now, last_error: message, last_error_at: now };
}

async function asked(origin: string, path: string): Promise<[number, Record<string, unknown>]> {
  const answer = await fetch(`${origin}${path}`);
  assert.equal(answer.headers.get("cache-control"), "no-store");
  return [answer.status, (await answer.json()) as Record<string, unknown>];
}

test("in order: alive, ready, and all dependencies shown, without a key", async (t) => {
  const { origin } = await startEdge(t, healthRoutes(createHealthReader(fine)));
  assert.deepEqual(await asked(origin, "/health/live"), [200, { status: "live" }]);
  const ready = { status: "ok", version: "1.2.3", uptime_seconds: 60, dependencies: [databaseUp, journalUp] };
  assert.deepEqual(await asked(origin, "/health/ready"), [200, ready]);
  assert.deepEqual(await asked(origin, "/health"), [200, { ...ready, providers: [] }]);
});

test("a provider that is down, idle or disabled is shown, and no reason to be unready", async (t) => {
  const seen = { lastAtMs: nowMs, sinceMs: nowMs, successes: 3, failures: 0, consecutiveFailures: 0 };
  const failed = {
    ...seen,
    ok: false,
    latencyMs: 3000,
    failures: 4,
    consecutiveFailures: 4,
    lastError: "status 503",
    lastErrorAtMs: nowMs,
  };
  const providerFacts: HealthDeps["providerFacts"] = () => ({
    providers: [
      { name: "openai", ok: true, latencyMs: 120.456, ...seen },
      { name: "anthropic", ...failed },
    ],
    keys: [],
    blocks: [],
  });
  const providers = [
    { name: "openai", enabled: true },
    { name: "anthropic", enabled: true },
    { name: "google", enabled: false, disabledReason: "GOOGLE_API_KEY is not set" },
    { name: "local", enabled: true },
  ];
  const { origin } = await startEdge(t, healthRoutes(createHealthReader({ ...fine, providerFacts, providers: () => providers })));
  const [status, body] = await asked(origin, "/health");
  const unknown = { since: null, last_error: null, last_error_at: null, keys: [] };
  assert.deepEqual(
    [status, body["status"], body["providers"]],
    [
      200,
      "ok",
      [
        { name: "openai", state: "up", latency_ms: 120.46, message: null, ...fresh, keys: [] },
        { ...troubled("anthropic", "down", "status 503"), latency_ms: 3000, keys: [] },
        { name: "google", state: "disabled", latency_ms: null, message: "GOOGLE_API_KEY is not set", ...unknown },
        { name: "local", state: "idle", latency_ms: null, message: null, ...unknown },
      ],
    ],
  );
});

test("since when a part is in its state and what was last wrong with it is remembered", async (t) => {
  let atMs = nowMs;
  const answers = [Promise.resolve(1), Promise.reject(new Error("locked")), Promise.reject(new Error("locked")), Promise.resolve(2)];
  for (const answer of answers) answer.catch(() => undefined);
  let asks = 0;
  const deps: HealthDeps = { ...fine, wallClock: () => atMs, pingDatabase: () => answers[asks++]! };
  const { origin } = await startEdge(t, healthRoutes(createHealthReader(deps)));
  const seen: unknown[] = [];
  for (let i = 0; i < answers.length; i++) {
    const [, body] = await asked(origin, "/health");
    const [database] = body["dependencies"] as { state: string; since: string; last_error: string | null; last_error_at: string | null }[];
    seen.push([database!.state, database!.since.slice(14, 19), database!.last_error, database!.last_error_at?.slice(14, 19)]);
    atMs += 10_000;
  }
  assert.deepEqual(seen, [
    ["up", "04:05", null, undefined],
    ["down", "04:15", "locked", "04:15"],
    ["down", "04:15", "locked", "04:25"],
    ["up", "04:35", "locked", "04:25"],
  ]);
});

test("what gateways share, such as Redis, makes the gateway degraded when it is down", async (t) => {
  const redis = { name: "redis", state: "down", latencyMs: 0.5, message: "refused" } as const;
  const deps: HealthDeps = { ...fine, shared: () => [redis] };
  const { origin } = await startEdge(t, healthRoutes(createHealthReader(deps)));
  const [status, body] = await asked(origin, "/health/ready");
  const shown = { ...troubled("redis", "down", "refused"), latency_ms: 0.5 };
  assert.deepEqual([status, body["status"], body["dependencies"]], [200, "degraded", [databaseUp, journalUp, shown]]);
});

test("a journal that soon takes nothing more is degraded, and serves", async (t) => {
  const { origin } = await startEdge(
    t,
    healthRoutes(createHealthReader({ ...fine, journal: () => ({ healthy: true, message: "81 % full" }) })),
  );
  for (const path of ["/health", "/health/ready"]) {
    const [status, body] = await asked(origin, path);
    const dependencies = [databaseUp, troubled("journal", "degraded", "81 % full")];
    assert.deepEqual([status, body["status"], body["dependencies"]], [200, "degraded", dependencies]);
  }
});

test("a configuration file that cannot be used as it is now is degraded, without a word of what is in it", async (t) => {
  let failed = true;
  const { origin } = await startEdge(t, healthRoutes(createHealthReader({ ...fine, configurationFailed: () => failed })));
  const [status, body] = await asked(origin, "/health/ready");
  const dependency = troubled(
    "configuration",
    "degraded",
    "The configuration file cannot be used as it is now; the settings read before stay in use. `tokligence-daemon status` says why.",
  );
  assert.deepEqual([status, body["status"], body["dependencies"]], [200, "degraded", [databaseUp, journalUp, dependency]]);
  failed = false;
  assert.equal((await asked(origin, "/health"))[1]["status"], "ok");
});

test("a database that fails, a journal that does not write, and a shutdown make it unready, but not dead", async (t) => {
  const down: [Partial<HealthDeps>, unknown][] = [
    [
      { pingDatabase: () => Promise.reject(new Error("database is locked")) },
      [troubled("database", "down", "database is locked"), journalUp],
    ],
    [
      {
        pingDatabase: () => {
          throw new Error("no such table");
        },
      },
      [troubled("database", "down", "no such table"), journalUp],
    ],
    [{ journal: () => ({ healthy: false, message: "no space left" }) }, [databaseUp, troubled("journal", "down", "no space left")]],
    [{ serving: () => false }, [databaseUp, journalUp]],
  ];
  for (const [change, dependencies] of down) {
    const { origin } = await startEdge(t, healthRoutes(createHealthReader({ ...fine, ...change })));
    for (const path of ["/health", "/health/ready"]) {
      // Twice: a failure must not stick to the next question, nor be forgotten by it.
      for (let i = 0; i < 2; i++) {
        const [status, body] = await asked(origin, path);
        assert.deepEqual([status, body["status"], body["dependencies"]], [503, "unavailable", dependencies]);
      }
    }
    assert.equal((await asked(origin, "/health/live"))[0], 200);
  }
});

test("a database that hangs counts as down after a while, is asked once at a time, and is up again when it answers", async (t) => {
  const answers = [deferred<number>(), deferred<number>()];
  let pings = 0;
  const { origin } = await startEdge(
    t,
    healthRoutes(createHealthReader({ ...fine, pingTimeoutMs: 30, pingDatabase: () => answers[pings++]!.promise })),
  );
  const late = troubled("database", "down", "no answer in 30 ms");
  for (let i = 0; i < 2; i++) {
    const [status, body] = await asked(origin, "/health/ready");
    assert.deepEqual([status, (body["dependencies"] as unknown[])[0]], [503, late]);
  }
  assert.equal(pings, 1);
  answers[0]!.resolve(999);
  answers[1]!.resolve(2);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal((await asked(origin, "/health/ready"))[0], 200);
  assert.equal(pings, 2);
});

test("HEAD is answered on the base paths and on health, without a key and without a body", async (t) => {
  const { origin } = await startEdge(t, healthRoutes(createHealthReader(fine)));
  for (const path of ["/v1", "/v1beta", "/anthropic", "/anthropic/v1", "/v1beta/openai", "/health", "/health/live", "/health/ready"]) {
    const answer = await fetch(`${origin}${path}`, { method: "HEAD" });
    assert.deepEqual([answer.status, await answer.text()], [200, ""], path);
    assert.match(answer.headers.get("x-request-id")!, /^req_/);
  }
});

test("keys, latencies, times and messages are for admins and for callers on this machine; all others see states", async (t) => {
  const failed = { ok: false, lastAtMs: nowMs, sinceMs: nowMs, latencyMs: 12, successes: 0, failures: 1, consecutiveFailures: 1 };
  const state = { ...failed, lastError: "status 503", lastErrorAtMs: nowMs };
  const deps: HealthDeps = {
    ...fine,
    providerFacts: () => ({ providers: [{ ...state, name: "openai" }], keys: [{ ...state, name: "openai#1" }], blocks: [] }),
    providers: () => [{ name: "openai", enabled: true, keys: [{ id: "openai#1" }] }],
    journal: () => ({ healthy: true, message: "81 % full" }),
  };
  const { origin } = await startEdge(t, healthRoutes(createHealthReader(deps)));
  const seen = async (headers: Record<string, string>): Promise<[number, unknown, unknown]> => {
    const answer = await fetch(`${origin}/health`, { headers });
    const body = (await answer.json()) as { dependencies: unknown; providers: unknown };
    return [answer.status, body.dependencies, body.providers];
  };
  const down = { ...troubled("openai", "down", "status 503"), latency_ms: 12 };
  const providers = [{ ...down, keys: [{ ...down, name: "openai#1" }] }];
  const whole = [200, [databaseUp, troubled("journal", "degraded", "81 % full")], providers];
  const nothing = { latency_ms: null, message: null, since: null, last_error: null, last_error_at: null };
  const states = [
    200,
    [
      { name: "database", state: "up", ...nothing },
      { name: "journal", state: "degraded", ...nothing },
    ],
    [{ name: "openai", state: "down", ...nothing, keys: [] }],
  ];
  const far = { "x-forwarded-for": "203.0.113.7" };
  assert.deepEqual(await seen({}), whole);
  assert.deepEqual(await seen({ ...far, "x-api-key": "tok_admin" }), whole);
  const others: Record<string, string>[] = [
    {},
    { "x-api-key": "tok_user" },
    { "x-api-key": "tok_wrong" },
    { "x-api-key": "tok_admin", "api-key": "tok_other" },
  ];
  for (const key of others) assert.deepEqual(await seen({ ...far, ...key }), states, JSON.stringify(key));
});
