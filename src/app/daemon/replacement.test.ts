import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../core/index.ts";
import { createReplacement, type ReplacementDeps } from "./replacement.ts";

const request = { command: [process.execPath, "-e", "process.exitCode = 1"], environment: {} };

function depsOf(more: Partial<ReplacementDeps> = {}): ReplacementDeps {
  return {
    manager: () => "none",
    address: () => ({ host: "127.0.0.1", port: 0, servedPort: 8081 }),
    sockets: () => [],
    sink: () => ({ write: () => Promise.resolve() }),
    onStart: () => {},
    onServing: () => assert.fail("nothing serves"),
    logger: silentLogger,
    ...more,
  };
}

test("a gateway whose end would be taken for the end of the service is not replaced, nor one on Windows", async () => {
  const watched = await createReplacement(depsOf({ manager: () => "other" })).restart(request);
  assert.equal(watched.outcome, "failed");
  assert.match(
    watched.problem,
    /^The gateway was started by a service manager, .* Restart it there, for example with `systemctl restart tokligence`/,
  );
  assert.deepEqual(await createReplacement(depsOf({ platform: "win32" })).restart(request), { outcome: "declined", reason: "windows" });
});

test("a restart that fails changes nothing, and one at a time is under way", async () => {
  const replacement = createReplacement(depsOf());
  const [first, second] = await Promise.all([replacement.restart(request), replacement.restart(request)]);
  assert.deepEqual(first, { outcome: "failed", problem: "The new gateway ended at once (exit 1).", stderr: "" });
  assert.match(second.outcome === "failed" ? second.problem : "", /^A restart is under way/);
  assert.equal(replacement.successor, undefined);
  assert.equal((await replacement.restart(request)).outcome, "failed");
});
