import assert from "node:assert/strict";
import type { RawReply } from "./raw-http.ts";

/** The body of a reply, parsed. */
export function json(reply: RawReply): Record<string, unknown> {
  return JSON.parse(reply.body.toString()) as Record<string, unknown>;
}

/** The machine-readable part of an error in its dialect; fails where the body has another dialect's shape. */
export function codeOf(reply: RawReply, dialect: string): string {
  const body = json(reply);
  const error = body["error"] as Record<string, unknown>;
  switch (dialect) {
    case "openai-chat":
    case "openai-responses":
      assert.deepEqual(Object.keys(error).toSorted(), ["code", "message", "param", "type"]);
      return String(error["code"]);
    case "anthropic-messages":
      assert.equal(body["type"], "error");
      assert.equal(body["request_id"], reply.headers["request-id"]);
      return String((error["details"] as Record<string, unknown>)["error_code"]);
    case "gemini-generate":
      assert.equal(error["code"], reply.status);
      return String((error["details"] as Record<string, unknown>[])[0]?.["reason"]);
    default:
      throw new Error(`no such dialect: ${dialect}`);
  }
}
