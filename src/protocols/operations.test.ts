import assert from "node:assert/strict";
import { test } from "node:test";
import { operations, protocols } from "./index.ts";

test("an operation with a body is a POST in every protocol, and one without a body is not", () => {
  const wrong = [...protocols.values()].flatMap(({ id, routes }) =>
    routes
      .filter(({ method, operation }) => operations[operation].hasBody !== (method === "POST" && operation !== "cancel-response"))
      .map(({ path }) => `${id} ${path}`),
  );
  assert.deepEqual(wrong, []);
});

test("a billed operation has a body and can be translated", () => {
  const billed = Object.entries(operations).filter(([, { isBilled }]) => isBilled);
  assert.deepEqual(
    billed.map(([name, { hasBody, translation }]) => [name, hasBody, translation]),
    [
      ["generate", true, "answer"],
      ["embed", true, "embeddings"],
      ["batch-embed", true, "embeddings"],
    ],
  );
});
