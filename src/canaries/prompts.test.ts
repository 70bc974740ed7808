import assert from "node:assert/strict";
import { test } from "node:test";
import { canaryPrompts, nameOfAnswer, plainText, type Reply } from "./prompts.ts";

const said = (text: string): Reply => ({ text, calls: [] });
const promptOf = (id: string) => canaryPrompts.find((prompt) => prompt.id === id)!;

test("each prompt comes once, is short, and has an id of its own", () => {
  assert.equal(new Set(canaryPrompts.map(({ id }) => id)).size, canaryPrompts.length);
  assert.ok(canaryPrompts.every(({ text }) => text.length < 160));
  assert.deepEqual([...new Set(canaryPrompts.map(({ kind }) => kind))].toSorted(), [
    "arithmetic",
    "fact",
    "format",
    "open",
    "text",
    "tool",
  ]);
});

function valueOf(terms: string, numbers: readonly number[]): number {
  const [one = 0, two = 0] = numbers;
  if (terms.includes("*")) return one * two;
  if (terms.includes("+")) return numbers.reduce((sum, each) => sum + each, 0);
  if (terms.includes(" - ")) return one - two;
  if (terms.includes("remainder")) return one % two;
  return terms.includes("power") ? one ** two : one / two;
}

test("the answers to sums are right", () => {
  for (const { kind, text, isRight } of canaryPrompts) {
    if (kind !== "arithmetic") continue;
    const [, terms = ""] = /What is (.*)\? Answer/.exec(text)!;
    const numbers = [...terms.matchAll(/\d+/g)].map(([digits]) => Number(digits));
    const value = valueOf(terms, numbers);
    assert.equal(isRight?.(said(String(value))), true, text);
    assert.equal(isRight?.(said(String(value + 1))), false, text);
  }
});

test("an answer is right however it is dressed, and wrong with more than was asked for", () => {
  const rows = [
    ["product-2", "4,042", true],
    ["product-2", " **4042**. ", true],
    ["product-2", "<think>47 * 86 is 4041</think>\n4042", true],
    ["product-2", "The answer is 4042", false],
    ["australia", '"Canberra"', true],
    ["australia", "Sydney", false],
    ["iso-date", "2021-03-03", true],
    ["iso-date", "2021-03-03.", false],
    ["json-object", '{"a": true, "b": true}', true],
    ["json-object", '```json\n{"a": true, "b": true}\n```', false],
    ["no-letter-e", "cat", true],
    ["no-letter-e", "zebra", false],
  ] as const;
  assert.deepEqual(
    rows.map(([id, text]) => promptOf(id).isRight?.(said(text))),
    rows.map(([, , isRight]) => isRight),
  );
});

test("a call is right if its tool and all of its arguments are", () => {
  const call = (name: string, value: object): Reply => ({ text: "", calls: [{ name, arguments: JSON.stringify(value) }] });
  const { isRight } = promptOf("currency");
  assert.equal(isRight?.(call("convert_currency", { amount: 250, from: "eur", to: "JPY" })), true);
  assert.equal(isRight?.(call("convert_currency", { amount: "250", from: "EUR", to: "JPY" })), false);
  assert.equal(isRight?.(call("convert_currency", { amount: 250, from: "EUR" })), false);
  assert.equal(isRight?.(call("convert", { amount: 250, from: "EUR", to: "JPY" })), false);
  assert.equal(isRight?.({ text: "", calls: [{ name: "convert_currency", arguments: "{" }] }), false);
  assert.equal(isRight?.(said("41,000 yen")), false);
});

test("equal answers have equal short forms", () => {
  assert.deepEqual(
    [nameOfAnswer(said("Blue."), undefined), nameOfAnswer(said("`blue`"), undefined), nameOfAnswer(said("7"), true)],
    ["blue", "blue", "(right)"],
  );
  assert.equal(nameOfAnswer(said("x".repeat(40)), false), "(long)");
  assert.equal(nameOfAnswer(said(""), false), "(empty)");
  assert.equal(plainText("“Lake  Baikal”."), "lake baikal");
});
