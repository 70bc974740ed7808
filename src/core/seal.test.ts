import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { createSealer, sealMark, type SealKey } from "./seal.ts";

const key = (id: number, seed: string) => ({ id, secret: createHash("sha256").update(seed).digest() });
const counting = () => {
  let calls = 0;
  return (size: number): Uint8Array => Buffer.alloc(size, ++calls);
};
/** The last one seals. */
const sealer = (...keys: readonly SealKey[]) =>
  createSealer({ sealing: () => keys.at(-1)!, find: (id) => keys.find((known) => known.id === id) }, counting());

test("a sealed text is base64 that begins with the mark, hides the text, and can be opened, in the other base64 alphabet too", () => {
  const one = sealer(key(1, "a"));
  for (const text of ["", "ü東🚀", "x".repeat(5000)]) {
    const sealed = one.seal("usr_1", text);
    assert.ok(sealed.startsWith(sealMark));
    assert.equal(Buffer.from(sealed, "base64").toString("base64"), sealed);
    assert.equal(sealed.includes(Buffer.from("xxxxxx").toString("base64")), false);
    assert.equal(one.open("usr_1", sealed), text);
    assert.equal(one.open("usr_1", sealed.replaceAll("+", "-").replaceAll("/", "_")), text);
  }
});

test("sealing the same text twice gives two different results", () => {
  const one = sealer(key(1, "a"));
  assert.notEqual(one.seal("usr_1", "x"), one.seal("usr_1", "x"));
});

test("a seal of another user or installation, a truncated or altered seal, and a text that is not a seal do not open", () => {
  const one = sealer(key(1, "a"));
  const sealed = one.seal("usr_1", "why");
  assert.equal(one.open("usr_2", sealed), undefined);
  assert.equal(sealer(key(1, "b")).open("usr_1", sealed), undefined);
  const bytes = Buffer.from(sealed, "base64");
  for (let size = 0; size < bytes.length; size++) assert.equal(one.open("usr_1", bytes.toString("base64", 0, size)), undefined, `${size}`);
  for (let at = 0; at < bytes.length; at++) {
    const altered = Buffer.from(bytes);
    altered[at]! ^= 1;
    assert.equal(one.open("usr_1", altered.toString("base64")), undefined, `byte ${at}`);
  }
  for (const text of ["", "gAAAAAB", sealMark, `${sealMark}AAAA`]) assert.equal(one.open("usr_1", text), undefined);
});

test("the newest key seals, and the older ones still open", () => {
  const old = sealer(key(1, "a"));
  const both = sealer(key(1, "a"), key(2, "b"));
  assert.equal(both.open("u", old.seal("u", "before")), "before");
  const fresh = both.seal("u", "after");
  assert.equal(old.open("u", fresh), undefined);
  assert.equal(sealer(key(2, "b")).open("u", fresh), "after");
});
