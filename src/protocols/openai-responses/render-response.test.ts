import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ChatResponse } from "../../ir/index.ts";
import type { ClientContext } from "../protocol.ts";
import { parseRequest } from "./parse-request.ts";
import { renderResponse } from "./render-response.ts";
import { routes } from "./routes.ts";

describe("a Responses answer", () => {
  test("is a whole response object that repeats its request", () => {
    const tool = { type: "function" as const, name: "f", description: "d", strict: true, parameters: { type: "object" } };
    const request = parseRequest(
      {
        model: "alias",
        input: "hi",
        instructions: "Be brief.",
        tools: [tool],
        tool_choice: "required",
        store: false,
        reasoning: { summary: "auto" },
      },
      { route: routes[0]!, param: "", query: "" },
    );
    const client: ClientContext = { model: "alias", includeUsage: false, jsonArray: false, request };
    const answer: ChatResponse = {
      id: "resp_1",
      model: "up",
      createdAt: 17,
      content: [
        { type: "reasoning", text: "hm" },
        { type: "text", text: "a" },
        { type: "text", text: "b" },
        { type: "media", kind: "image", source: { type: "base64", mediaType: "image/png", data: "AAAA" } },
        { type: "tool-call", id: "c", name: "f", kind: "function", arguments: '{"a": 1.0}' },
      ],
      stopReason: "tool-calls",
      usage: { input: 30, output: 12, cacheRead: 10, cacheWrite5m: 3, cacheWrite1h: 4, reasoning: 2 },
    };
    assert.deepEqual(JSON.parse(renderResponse(answer, client)), {
      id: "resp_1",
      object: "response",
      created_at: 17,
      status: "completed",
      error: null,
      incomplete_details: null,
      model: "alias",
      output: [
        { id: "rs_1_0", type: "reasoning", summary: [{ type: "summary_text", text: "hm" }] },
        {
          id: "msg_1_1",
          type: "message",
          status: "completed",
          role: "assistant",
          content: [
            { type: "output_text", text: "a", annotations: [], logprobs: [] },
            { type: "output_text", text: "b", annotations: [], logprobs: [] },
          ],
          phase: "commentary",
        },
        { id: "ig_1_2", type: "image_generation_call", status: "completed", result: "AAAA" },
        { id: "fc_1_3", type: "function_call", status: "completed", call_id: "c", name: "f", arguments: '{"a": 1.0}' },
      ],
      usage: {
        input_tokens: 30,
        input_tokens_details: { cached_tokens: 10, cache_write_tokens: 7 },
        output_tokens: 12,
        output_tokens_details: { reasoning_tokens: 2 },
        total_tokens: 42,
      },
      access_programs: null,
      background: false,
      instructions: "Be brief.",
      max_output_tokens: null,
      max_tool_calls: null,
      metadata: {},
      parallel_tool_calls: true,
      previous_response_id: null,
      prompt_cache_key: null,
      reasoning: { effort: null, summary: "auto" },
      safety_identifier: null,
      service_tier: null,
      store: false,
      temperature: null,
      text: { format: { type: "text" } },
      tool_choice: "required",
      tools: [tool],
      top_logprobs: 0,
      top_p: null,
      truncation: "disabled",
    });
  });

  describe("with only a proof after its text", () => {
    const proof = { protocol: "openai-responses", kind: "encrypted", data: "enc" } as const;
    const outlineOf = (content: ChatResponse["content"], stopReason: ChatResponse["stopReason"] = "stop"): unknown => {
      const answer: ChatResponse = { id: "x1", model: "up", createdAt: 17, content, stopReason, usage: {} };
      const client: ClientContext = {
        model: "alias",
        includeUsage: false,
        jsonArray: false,
        request: { model: "alias", stream: false, messages: [] },
      };
      const { output } = JSON.parse(renderResponse(answer, client)) as { output: { type: string; status?: string; phase?: string }[] };
      return output.map(({ type, status, phase }) => [type, status, phase].filter((value) => value !== undefined).join(" "));
    };
    const words = { type: "text", text: "a" } as const;
    const alone = { type: "reasoning", text: "", proof } as const;
    const call = { type: "tool-call", id: "c", name: "f", kind: "function", arguments: "{}" } as const;

    test("is final, and incomplete if it was cut", () => {
      assert.deepEqual(outlineOf([words, alone]), ["message completed final_answer", "reasoning"]);
      assert.deepEqual(outlineOf([words, alone, alone], "length"), ["message incomplete final_answer", "reasoning", "reasoning"]);
      assert.deepEqual(outlineOf([words, call, alone], "length"), [
        "message completed commentary",
        "function_call incomplete",
        "reasoning",
      ]);
    });

    test("is commentary if more follows", () => {
      assert.deepEqual(outlineOf([words, { ...alone, text: "hm" }]), ["message completed commentary", "reasoning"]);
      assert.deepEqual(outlineOf([words, alone, words, alone]), [
        "message completed commentary",
        "reasoning",
        "message completed final_answer",
        "reasoning",
      ]);
    });
  });
});
