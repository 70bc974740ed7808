import assert from "node:assert/strict";
import { asObject, asObjects, isObject } from "../testbed/json.ts";
import type { WireEvent } from "./wire-events.ts";
import { readData } from "./wire-events.ts";

/**
 * Gemini with `alt=sse` (API reference, `GenerateContentResponse`, November 2026): whole responses of one id, each with one candidate whose parts are of
 * the model, a finish reason in the last alone, with all of the usage.
 */
export function checkGeminiStream(events: readonly WireEvent[]): void {
  assert.ok(
    events.every(({ event }) => event === ""),
    "events have no names",
  );
  const chunks = events.map(readData);
  const [first] = chunks;
  assert.ok(first !== undefined);
  assert.ok(typeof first["responseId"] === "string" && first["responseId"] !== "");
  for (const [at, chunk] of chunks.entries()) {
    assert.equal(chunk["responseId"], first["responseId"], "one id over all chunks");
    assert.equal(chunk["modelVersion"], first["modelVersion"], "one model over all chunks");
    const candidates = asObjects(chunk["candidates"]);
    assert.equal(candidates.length, 1);
    const candidate = candidates[0]!;
    assert.equal(candidate["index"] ?? 0, 0);
    const content = asObject(candidate["content"]);
    const isLast = at === chunks.length - 1;
    if (!isLast || candidate["content"] !== undefined) assert.equal(content["role"], "model");
    for (const part of asObjects(content["parts"])) checkPart(part);
    if (isLast) assert.equal(typeof candidate["finishReason"], "string", "the last chunk says why");
    else assert.equal(candidate["finishReason"], undefined, "the last chunk alone says why");
  }
  const usage = asObject(chunks.at(-1)?.["usageMetadata"]);
  for (const name of ["promptTokenCount", "candidatesTokenCount", "totalTokenCount"]) {
    assert.ok(Number.isInteger(usage[name]), `the last chunk has ${name}`);
  }
}

function checkPart(part: Readonly<Record<string, unknown>>): void {
  const kinds = ["text", "functionCall", "inlineData", "executableCode", "codeExecutionResult"].filter((kind) => part[kind] !== undefined);
  assert.equal(kinds.length, 1, `a part is of one kind: ${JSON.stringify(part)}`);
  const call = asObject(part["functionCall"] as never);
  if (kinds[0] !== "functionCall") return;
  assert.ok(typeof call["name"] === "string" && call["name"] !== "");
  assert.ok(isObject(call["args"]), "a call comes whole");
}
