import assert from "node:assert/strict";
import { test } from "node:test";
import { Utf8Check } from "./utf8-check.ts";

const accepts = (...pieces: readonly (readonly number[])[]): boolean => {
  const check = new Utf8Check();
  return pieces.every((piece) => check.push(Buffer.from(piece)));
};

test("text is taken however it is cut", () => {
  const bytes = [...Buffer.from("aé✓🚀 z")];
  for (let i = 0; i <= bytes.length; i++)
    for (let j = i; j <= bytes.length; j++) assert.ok(accepts(bytes.slice(0, i), bytes.slice(i, j), bytes.slice(j)), `${i} ${j}`);
  assert.ok(accepts(...bytes.map((byte) => [byte])));
});

test("bytes that are no text are refused, also where the cut hides them", () => {
  assert.equal(accepts([0x61, 0xff]), false);
  assert.equal(accepts([0xe2, 0x28, 0xa1]), false);
  assert.equal(accepts([0xe2], [0x28]), false);
  assert.equal(accepts([0xe2, 0x9c], [0x61]), false);
  assert.equal(accepts([0x80]), false);
  assert.equal(accepts([0x80, 0x80, 0x80, 0x80]), false);
  // A surrogate, and a character written longer than it has to be.
  assert.equal(accepts([0xed, 0xa0, 0x80]), false);
  assert.equal(accepts([0xc0], [0xaf]), false);
});
