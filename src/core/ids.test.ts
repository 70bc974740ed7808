import assert from "node:assert/strict";
import { inspect } from "node:util";
import { test } from "node:test";
import { createIdSource } from "./ids.ts";
import { Secret } from "./secret.ts";

const uuid7 = /^req_[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test("ids are UUIDv7, unique and in order, even if the clock stops or goes back", () => {
  let now = 1_800_000_000_000;
  const ids = createIdSource({ now: () => now, monotonic: () => 0 });
  const made: string[] = [];
  for (let i = 0; i < 10_000; i++) {
    if (i === 6000) now -= 3_600_000;
    made.push(ids.next("req"));
  }
  for (const id of made) assert.match(id, uuid7);
  assert.equal(new Set(made).size, made.length);
  assert.deepEqual(made.toSorted(), made);
  assert.equal(Number.parseInt(made[0]!.slice(4, 17).replace("-", ""), 16), 1_800_000_000_000);
});

test("a secret prints as [secret] everywhere and gives its value only through reveal()", () => {
  const secret = new Secret("canary");
  const printed = [
    String(secret),
    JSON.stringify({ secret }),
    inspect({ secret }),
    secret.toString(),
    inspect(secret, { showHidden: true }),
  ].join("\n");
  assert.equal(printed.includes("canary"), false);
  assert.match(printed, /\[secret\]/);
  assert.equal(secret.reveal(), "canary");
});
