import assert from "node:assert/strict";
import { test } from "node:test";
import { createBodyRedactor, PatternTimeout } from "./body-redactor.ts";

const ownKey = `tok_${"aB3_-".repeat(8)}xyz`;

test("the gateway's keys and the given secrets go, also as JSON has them and as JSON within JSON", () => {
  const { redact } = createBodyRedactor([]);
  const secret = 'pass"word\\1';
  const nested = JSON.stringify({ arguments: JSON.stringify({ secret }) });
  assert.equal(
    redact(`${ownKey} sk-upstream-1 ${secret} ${JSON.stringify(secret)} ${nested}`, ["sk-upstream-1", secret]),
    '[secret] [secret] [secret] "[secret]" {"arguments":"{\\"secret\\":\\"[secret]\\"}"}',
  );
});

test("short secrets are words, and stay", () => {
  assert.equal(createBodyRedactor([]).redact("the value is open, tok_short", ["open", ""]), "the value is open, tok_short");
});

test("what a pattern matches is taken out, everywhere", () => {
  const { redact } = createBodyRedactor(["\\b\\d{4}-\\d{4}\\b", "[\\w.]+@example\\.com"]);
  assert.equal(redact("1234-5678, 11234-5678, a.b@example.com 0000-0000", []), "[redacted], 11234-5678, [redacted] [redacted]");
});

test("a pattern that backtracks without end is stopped", () => {
  const { redact } = createBodyRedactor(["(a+)+$"]);
  assert.throws(() => redact(`${"a".repeat(60)}b`, []), PatternTimeout);
  assert.equal(redact("b aaa", []), "b [redacted]");
});
