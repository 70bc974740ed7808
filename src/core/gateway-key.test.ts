import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "./errors.ts";
import { holdsEscapedGatewayKey, holdsGatewayKey, maskGatewayKeys } from "./gateway-key.ts";

const key = `tok_${"aB3_-".repeat(8)}xyz`;

test("a key of the gateway is seen wherever it is in a text, also one that was cut off; other words that begin like one are not", () => {
  assert.deepStrictEqual([key, `Bearer ${key}.`, key.slice(0, 20), "tok_1", "token", "tok_short words", ""].map(holdsGatewayKey), [
    true,
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
  assert.equal(maskGatewayKeys(`${key} and "${key.slice(0, 30)}", not tok_1`), '[key] and "[key]", not tok_1');
});

test("a key is seen behind percent escapes, repeated ones and beside broken ones", () => {
  const once = encodeURIComponent(key).replace("tok_", "%74ok%5F");
  for (const text of [key, once, encodeURIComponent(once), `%zz${once}`, `%E0%A4${once}`]) assert.equal(holdsEscapedGatewayKey(text), true);
  for (const text of ["", "alt=sse", "%74%6f%6b", "100%"]) assert.equal(holdsEscapedGatewayKey(text), false);
});

test("no error repeats a key, in its message or its parameter", () => {
  const error = new GatewayError("invalid_request", `"${key}" is no parameter here.`, { param: key });
  assert.deepStrictEqual([error.message, error.param], ['"[key]" is no parameter here.', "[key]"]);
});
