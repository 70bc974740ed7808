import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ChatResponse } from "../../ir/index.ts";
import type { ClientContext } from "../protocol.ts";
import { renderResponse } from "./render-response.ts";

const client: ClientContext = {
  model: "alias",
  includeUsage: false,
  jsonArray: false,
  request: { model: "alias", stream: false, messages: [] },
};
const answer = (part: Partial<ChatResponse>): ChatResponse => ({
  id: "chatcmpl-1",
  model: "up",
  createdAt: 1,
  content: [],
  stopReason: "stop",
  usage: {},
  ...part,
});
const render = (part: Partial<ChatResponse>): unknown => JSON.parse(renderResponse(answer(part), client));
const shell = (message: object, reason: string): unknown => ({
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "alias",
  choices: [{ index: 0, message: { role: "assistant", content: null, refusal: null, ...message }, logprobs: null, finish_reason: reason }],
});

describe("a Chat answer", () => {
  test("has reasoning, a custom call with its signature, and pictures", () => {
    const got = render({
      content: [
        { type: "reasoning", text: "hm", proof: { protocol: "anthropic-messages", kind: "signature", data: "s" } },
        { type: "opaque", protocol: "gemini-generate", value: {} },
        { type: "media", kind: "image", source: { type: "base64", mediaType: "image/png", data: "AAAA" } },
        {
          type: "tool-call",
          id: "c",
          name: "patch",
          kind: "custom",
          arguments: "x",
          proof: { protocol: "gemini-generate", kind: "signature", data: "sig" },
        },
      ],
      stopReason: "tool-calls",
    });
    assert.deepEqual(
      got,
      shell(
        {
          reasoning_content: "hm",
          thinking_blocks: [{ type: "thinking", thinking: "hm", signature: "s" }],
          tool_calls: [
            { id: "c", type: "custom", custom: { name: "patch", input: "x" }, extra_content: { google: { thought_signature: "sig" } } },
          ],
          images: [{ type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }],
        },
        "tool_calls",
      ),
    );
  });

  for (const [stopReason, expected] of [
    ["stop", "stop"],
    ["stop-sequence", "stop"],
    ["length", "length"],
    ["context-window", "length"],
    ["tool-calls", "tool_calls"],
    ["content-filter", "content_filter"],
    ["refusal", "content_filter"],
    ["pause", "length"],
    ["error", "stop"],
    ["other", "stop"],
  ] as const) {
    test(`says ${expected} for ${stopReason}`, () => {
      assert.deepEqual(render({ stopReason, content: [{ type: "text", text: "" }] }), shell({ content: "" }, expected));
    });
  }

  test("that is a refusal ends with stop", () => {
    assert.deepEqual(render({ stopReason: "refusal", content: [{ type: "refusal", text: "no" }] }), shell({ refusal: "no" }, "stop"));
  });

  test("keeps 0, and writes 0 for an unknown count only if the wire requires a number", () => {
    const got = render({ usage: { output: 0, cacheRead: 0 } }) as { usage: unknown };
    assert.deepEqual(got.usage, { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0, prompt_tokens_details: { cached_tokens: 0 } });
  });
});
