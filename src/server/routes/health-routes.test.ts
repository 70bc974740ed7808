import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../core/index.ts";
import { createProviderHealth } from "../../upstream/index.ts";
import { deferred, startEdge } from "../testing.ts";
import { createHealthReader, healthRoutes, type HealthDeps } from "./health-routes.ts";

const providerHealth = createProviderHealth({ clock: systemClock });

const fine: HealthDeps = {
  version: "1.2.3",
  startedMs: 1000,
  now: () => 61_499,
  pingDatabase: () => Promise.resolve(1.23456),
  journal: () => ({ healthy: true, message: null }),
  providerHealth,
  providers: () => [],
  serving: () => true,
};

const databaseUp = { name: "database", state: "up", latency_ms: 1.23, message: null };
const journalUp = { name: "journal", state: "up", latency_ms: null, message: null };

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
  const health = createProviderHealth({ clock: systemClock });
  health.record("openai", true, 120.456);
  health.record("anthropic", false, 3000, "status 503");
  const providers = [
    { name: "openai", enabled: true },
    { name: "anthropic", enabled: true },
    { name: "google", enabled: false, disabledReason: "GOOGLE_API_KEY is not set" },
    { name: "local", enabled: true },
  ];
  const { origin } = await startEdge(t, healthRoutes(createHealthReader({ ...fine, providerHealth: health, providers: () => providers })));
  const [status, body] = await asked(origin, "/health");
  assert.deepEqual(
    [status, body["status"], body["providers"]],
    [
      200,
      "ok",
      [
        { name: "openai", state: "up", latency_ms: 120.46, message: null },
        { name: "anthropic", state: "down", latency_ms: 3000, message: "status 503" },
        { name: "google", state: "disabled", latency_ms: null, message: "GOOGLE_API_KEY is not set" },
        { name: "local", state: "idle", latency_ms: null, message: null },
      ],
    ],
  );
});

test("a journal that soon takes nothing more is degraded, and serves", async (t) => {
  const { origin } = await startEdge(
    t,
    healthRoutes(createHealthReader({ ...fine, journal: () => ({ healthy: true, message: "81 % full" }) })),
  );
  for (const path of ["/health", "/health/ready"]) {
    const [status, body] = await asked(origin, path);
    const dependencies = [databaseUp, { name: "journal", state: "degraded", latency_ms: null, message: "81 % full" }];
    assert.deepEqual([status, body["status"], body["dependencies"]], [200, "degraded", dependencies]);
  }
});

test("a configuration file that cannot be used as it is now is degraded, without a word of what is in it", async (t) => {
  let failed = true;
  const { origin } = await startEdge(t, healthRoutes(createHealthReader({ ...fine, configurationFailed: () => failed })));
  const [status, body] = await asked(origin, "/health/ready");
  const dependency = {
    name: "configuration",
    state: "degraded",
    latency_ms: null,
    message:
      "The configuration file cannot be used as it is now; the settings read before stay in use. `tokligence-daemon status` says why.",
  };
  assert.deepEqual([status, body["status"], body["dependencies"]], [200, "degraded", [databaseUp, journalUp, dependency]]);
  failed = false;
  assert.equal((await asked(origin, "/health"))[1]["status"], "ok");
});

test("a database that fails, a journal that does not write, and a shutdown make it unready, but not dead", async (t) => {
  const down: [Partial<HealthDeps>, unknown][] = [
    [
      { pingDatabase: () => Promise.reject(new Error("database is locked")) },
      [{ name: "database", state: "down", latency_ms: null, message: "database is locked" }, journalUp],
    ],
    [
      {
        pingDatabase: () => {
          throw new Error("no such table");
        },
      },
      [{ name: "database", state: "down", latency_ms: null, message: "no such table" }, journalUp],
    ],
    [
      { journal: () => ({ healthy: false, message: "no space left" }) },
      [databaseUp, { name: "journal", state: "down", latency_ms: null, message: "no space left" }],
    ],
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
  const late = { name: "database", state: "down", latency_ms: null, message: "no answer in 30 ms" };
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

test("latencies and messages are for admins and for callers on this machine; all others see states", async (t) => {
  const health = createProviderHealth({ clock: systemClock });
  health.record("openai", false, 12, "status 503");
  const deps: HealthDeps = {
    ...fine,
    providerHealth: health,
    providers: () => [{ name: "openai", enabled: true }],
    journal: () => ({ healthy: true, message: "81 % full" }),
  };
  const { origin } = await startEdge(t, healthRoutes(createHealthReader(deps)));
  const seen = async (headers: Record<string, string>): Promise<[number, unknown, unknown]> => {
    const answer = await fetch(`${origin}/health`, { headers });
    const body = (await answer.json()) as { dependencies: unknown; providers: unknown };
    return [answer.status, body.dependencies, body.providers];
  };
  const journal = { name: "journal", state: "degraded", latency_ms: null, message: "81 % full" };
  const whole = [200, [databaseUp, journal], [{ name: "openai", state: "down", latency_ms: 12, message: "status 503" }]];
  const states = [
    200,
    [
      { ...databaseUp, latency_ms: null },
      { ...journal, message: null },
    ],
    [{ name: "openai", state: "down", latency_ms: null, message: null }],
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
