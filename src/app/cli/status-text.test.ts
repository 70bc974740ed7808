import assert from "node:assert/strict";
import { test } from "node:test";
import { colourStatus, isInOrder, renderStatus, type Health } from "./status-text.ts";

const nowMs = Date.UTC(2026, 0, 2, 12);
type Part = Health["dependencies"][number];

function part(name: string, changes: Partial<Part> = {}): Part {
  return { name, state: "up", latency_ms: null, message: null, since: null, last_error: null, last_error_at: null, ...changes };
}

const at = (minutesAgo: number): string => new Date(nowMs - minutesAgo * 60_000).toISOString();
const refused = "the provider refuses it; asked again in 299 s";

const health: Health = {
  status: "degraded",
  version: "0.1.0",
  uptime_seconds: 7260,
  dependencies: [
    part("database", { latency_ms: 0.25, since: at(121) }),
    part("journal", { state: "degraded", message: "81 % full", since: at(1) }),
  ],
  providers: [
    {
      ...part("openai", { latency_ms: 412.4, since: at(3000), last_error: "status 503", last_error_at: at(50) }),
      keys: [part("openai#1", { latency_ms: 412 })],
    },
    {
      ...part("anthropic", { state: "degraded", latency_ms: 12_345, since: at(5), message: refused }),
      keys: [
        part("anthropic#1", { state: "down", latency_ms: 90, since: at(5), message: refused }),
        part("anthropic#2", { latency_ms: 700 }),
      ],
    },
    { ...part("local", { state: "idle" }), keys: [] },
    { ...part("google", { state: "disabled", message: "GOOGLE_API_KEY is not set" }), keys: [] },
  ],
};

test("the status is a row for each part, and for keys where they say more than their provider", () => {
  assert.deepEqual(renderStatus({ health, pid: 71, port: 8081, nowMs }, 200).split("\n"), [
    "Tokligence Gateway 0.1.0: serving, degraded",
    "pid 71, port 8081, up 2 h",
    "",
    "  ✓ database       up          0.3 ms       2 h",
    "  ! journal        degraded                60 s  81 % full",
    "",
    "providers",
    "  ✓ openai         up          412 ms       2 d  last error 50 min ago: status 503",
    "  ! anthropic      degraded      12 s     5 min  the provider refuses it; asked again in 299 s",
    "    ✗ anthropic#1  down                   5 min",
    "    ✓ anthropic#2  up          700 ms",
    "  … local          idle",
    "  – google         disabled                      GOOGLE_API_KEY is not set",
    "",
  ]);
});

test("in a narrow terminal texts go below their rows, and no line is wider", () => {
  const lines = renderStatus({ health, pid: 71, port: 8081, nowMs }, 60).split("\n");
  assert.ok(
    lines.every((line) => line.length <= 60),
    lines.join("\n"),
  );
  assert.deepEqual(lines.slice(8, 12), [
    "      last error 50 min ago: status 503",
    "  ! anthropic      degraded      12 s     5 min",
    "      the provider refuses it; asked again in 299 s",
    "    ✗ anthropic#1  down                   5 min",
  ]);
});

test("a provider's words cannot move the cursor", () => {
  const evil = { ...health, dependencies: [part("database", { state: "down", message: "a\u001b[2Jb\nc" })] };
  assert.ok(!renderStatus({ health: evil, pid: 1, port: 1, nowMs }, 100).includes("\u001b"));
});

test("colours are those of the states, and change no letter", () => {
  const screen = renderStatus({ health, pid: 71, port: 8081, nowMs }, 200);
  const coloured = colourStatus(screen).replaceAll(String.fromCharCode(27), "~");
  assert.equal(coloured.replaceAll(/~\[\d+m/g, ""), screen);
  assert.match(coloured, /^~\[1mTokligence Gateway 0\.1\.0: ~\[0m~\[33mserving, degraded/);
  assert.match(coloured, /~\[31m✗~\[0m anthropic#1 {2}~\[31mdown/);
  assert.match(coloured, /~\[32m✓~\[0m database/);
});

test("it is in order if nothing is degraded or down; providers that are idle or disabled are in order", () => {
  const quiet = { ...health, status: "ok" as const, dependencies: [], providers: health.providers.slice(2) };
  assert.deepEqual([isInOrder(health), isInOrder(quiet), isInOrder({ ...quiet, status: "unavailable" })], [false, true, false]);
  const key = { ...part("p"), keys: [part("p#1", { state: "down" })] };
  assert.equal(isInOrder({ ...quiet, providers: [key] }), false);
});
