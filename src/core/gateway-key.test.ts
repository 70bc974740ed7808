import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "./errors.ts";
import { hasEscapedGatewayKey, hasGatewayKey, maskGatewayKeys } from "./gateway-key.ts";

const key = `tok_${"aB3_-".repeat(8)}xyz`;

test("a gateway key is found anywhere in a text, even a truncated one; other words that begin like a key are not", () => {
  assert.deepStrictEqual([key, `Bearer ${key}.`, key.slice(0, 20), "tok_1", "token", "tok_short words", ""].map(hasGatewayKey), [
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

test("a key is found in percent-encoded text, also if it is encoded twice or next to a broken escape", () => {
  const once = encodeURIComponent(key).replace("tok_", "%74ok%5F");
  for (const text of [key, once, encodeURIComponent(once), `%zz${once}`, `%E0%A4${once}`]) assert.equal(hasEscapedGatewayKey(text), true);
  for (const text of ["", "alt=sse", "%74%6f%6b", "100%"]) assert.equal(hasEscapedGatewayKey(text), false);
});

test("no error contains a key, neither in its message nor in its parameter", () => {
  const error = new GatewayError("invalid_request", `"${key}" is no parameter here.`, { param: key });
  assert.deepStrictEqual([error.message, error.param], ['"[key]" is no parameter here.', "[key]"]);
});
