import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { createBodyRedactor, RedactionTooLong } from "./body-redactor.ts";

const ownKey = `tok_${"aB3_-".repeat(8)}xyz`;

test("the gateway's keys and the given secrets go, also as JSON has them and as JSON within JSON", async () => {
  const { redact } = createBodyRedactor([]);
  const secret = 'pass"word\\1';
  const nested = JSON.stringify({ arguments: JSON.stringify({ secret }) });
  assert.equal(
    await redact(`${ownKey} sk-upstream-1 ${secret} ${JSON.stringify(secret)} ${nested}`, ["sk-upstream-1", secret]),
    '[secret] [secret] [secret] "[secret]" {"arguments":"{\\"secret\\":\\"[secret]\\"}"}',
  );
});

test("short secrets are words, and stay", async () => {
  assert.equal(await createBodyRedactor([]).redact("the value is open, tok_short", ["open", ""]), "the value is open, tok_short");
});

test("what a pattern matches is taken out, everywhere, one pattern after the other", async () => {
  const { redact } = createBodyRedactor(["\\b\\d{4}-\\d{4}\\b", "[\\w.]+@example\\.com", "x*"]);
  assert.equal(
    await redact("1234-5678, 11234-5678, a.b@example.com 0000-0000 xx", []),
    "[redacted], 11234-5678, [redacted] [redacted] [redacted]",
  );
});

test("a pattern that backtracks without end in other engines is none here", async () => {
  const { redact } = createBodyRedactor(["(a+)+$"]);
  assert.equal(await redact(`${"a".repeat(60_000)}b`, []), `${"a".repeat(60_000)}b`);
  assert.equal(await redact("b aaa", []), "b [redacted]");
});

test("a long text lets other work have its turn", async () => {
  // Each match looks through the rest of the text: some hundred milliseconds in all.
  const redacted = createBodyRedactor(["a.*b|a"]).redact("a".repeat(4000), []);
  const waiting = Symbol("waiting");
  let turns = 0;
  while (turns < 10_000 && (await Promise.race([redacted, setImmediate(waiting)])) === waiting) turns++;
  assert.equal(await redacted, "[redacted]".repeat(4000));
  assert.ok(turns > 3, `${turns} turns`);
});

test("matches that look through the rest of the text each time are given up by computing time, not by the clock on the wall", async () => {
  let cpuMs = 0;
  const { redact } = createBodyRedactor(["a.*b|a"], () => (cpuMs += 600));
  await assert.rejects(
    redact("a".repeat(8000), []),
    new RedactionTooLong("ledger.bodies.redact took more than 1008 ms of computing time with one body"),
  );
  const idle = createBodyRedactor(["a.*b|a"], () => 7);
  assert.equal(await idle.redact("a".repeat(4000), []), "[redacted]".repeat(4000));
});
