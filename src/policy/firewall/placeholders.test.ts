import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { isTakenIn, Placeholders, StreamRestorer, type MaskedPlace, type RestoredForm } from "./placeholders.ts";

const places = (text: string, found: Readonly<Record<string, string>>): MaskedPlace[] =>
  Object.entries(found)
    .map(([original, kind]) => ({ start: text.indexOf(original), end: text.indexOf(original) + original.length, kind }))
    .toSorted((one, other) => one.start - other.start);

function inPieces(placeholders: Placeholders, pieces: readonly string[], form: RestoredForm = "text"): string {
  const restorer = new StreamRestorer(placeholders, form);
  return pieces.map((piece) => restorer.push(piece)).join("") + restorer.end();
}

test("originals become numbered placeholders, one original the same one each time, and come back", () => {
  const placeholders = new Placeholders(() => false);
  const text = "Write to ann@example.com, not bob@example.com, from 192.0.2.7.";
  const found = { "ann@example.com": "email", "bob@example.com": "email", "192.0.2.7": "ip" };
  const masked = placeholders.mask(text, places(text, found));
  assert.equal(masked, "Write to [EMAIL_1], not [EMAIL_2], from [IP_1].");
  assert.equal(placeholders.mask("bob@example.com", [{ start: 0, end: 15, kind: "email" }]), "[EMAIL_2]");
  assert.deepEqual([placeholders.restore(masked), placeholders.size], [text, 3]);
});

test("a text of the client that looks like a placeholder stays as it is", () => {
  const text = "[EMAIL_1] is ann@example.com";
  const placeholders = new Placeholders(isTakenIn(text));
  const masked = placeholders.mask(text, places(text, { "ann@example.com": "email" }));
  assert.equal(masked, "[EMAIL_1] is [EMAIL_2]");
  assert.equal(placeholders.restore(masked), text);
});

test("an original inside JSON text is escaped, and none is searched for placeholders", () => {
  const placeholders = new Placeholders(() => false);
  const originals = ['a "quoted"\nline', "[WORD_1]"];
  for (const original of originals) placeholders.mask(original, [{ start: 0, end: original.length, kind: "word" }]);
  const restored = placeholders.restore('{"text":"[WORD_1] [WORD_2]"}', "json");
  assert.deepEqual(JSON.parse(restored), { text: originals.join(" ") });
  assert.equal(placeholders.restore("[WORD_2] [WORD_3] [WORD_1"), "[WORD_1] [WORD_3] [WORD_1");
});

test("a text cut at every place, and into single characters, is restored as the whole", () => {
  const placeholders = new Placeholders(() => false);
  for (let count = 0; count < 12; count++) placeholders.mask(`user${count}@example.com`, [{ start: 0, end: 17, kind: "email" }]);
  const text = '{"a":["[EMAIL_1]","[EMAIL_12][EMAIL_2]","[[EMAIL_3]","[EMAIL_","[EMAIL_99]"],"b":"[EMAIL_1';
  for (const form of ["text", "json"] as const) {
    const whole = placeholders.restore(text, form);
    assert.notEqual(whole, text);
    for (let cut = 0; cut <= text.length; cut++) assert.equal(inPieces(placeholders, [text.slice(0, cut), text.slice(cut)], form), whole);
    assert.equal(inPieces(placeholders, text.split(""), form), whole);
  }
});

test("only the beginning of a placeholder is held back", () => {
  const placeholders = new Placeholders(() => false);
  placeholders.mask("ann@example.com", [{ start: 0, end: 15, kind: "email" }]);
  const restorer = new StreamRestorer(placeholders, "text");
  assert.deepEqual(
    ["a [", "1] [EMA", "IL_", "1]!", " [EMAIL_2] ["].map((piece) => restorer.push(piece)),
    ["a ", "[1] ", "", "ann@example.com!", " [EMAIL_2] "],
  );
  assert.equal(restorer.end(), "[");
  const none = new StreamRestorer(new Placeholders(() => false), "text");
  assert.equal(none.push("[EMAIL_1"), "[EMAIL_1");
});

test("any text in any pieces is restored as the whole", () => {
  const placeholders = new Placeholders(() => false);
  for (const original of ["x", "y"]) placeholders.mask(original, [{ start: 0, end: 1, kind: "id" }]);
  const part = fc.constantFrom("[", "]", "[ID", "_", "1", "[ID_1]", "[ID_2", "2]", "é", "😀", " ");
  fc.assert(
    fc.property(fc.array(part, { maxLength: 20 }), (pieces) => {
      assert.equal(inPieces(placeholders, pieces), placeholders.restore(pieces.join("")));
    }),
  );
});

test("100,000 different originals in 2 MB are masked within two seconds: the request is searched for placeholders once", () => {
  const text = Array.from({ length: 100_000 }, (_, at) => `u${String(at).padStart(18, "0")}`).join(" ");
  const found = Array.from({ length: 100_000 }, (_, at) => ({ start: at * 20, end: at * 20 + 19, kind: "name" }));
  const placeholders = new Placeholders(isTakenIn(text));
  const startedMs = performance.now();
  const masked = placeholders.mask(text, found);
  assert.ok(performance.now() - startedMs < 2000, `${performance.now() - startedMs} ms`);
  assert.ok(masked.startsWith("[NAME_1] [NAME_2] ") && masked.endsWith(" [NAME_100000]"), masked.slice(-40));
});
