import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import type { JsonObject } from "../../../tests/testbed/json.ts";
import { openAiResponsesMock } from "../../../tests/testbed/mock-openai-responses.ts";
import { collect, replay, type Block, type ChatRequest, type Tool } from "../../ir/index.ts";
import {
  answerWith,
  callBlock,
  checkOrder,
  client,
  decode,
  reasoningBlock,
  refusalBlock,
  target,
  textBlock,
} from "../openai-shared/testing.ts";
import { recordedRequests } from "../testing.ts";
import { openaiResponses } from "./index.ts";
import { openaiResponsesUpstream } from "./upstream.ts";
import { renderResponse } from "./render-response.ts";
import { ResponsesStreamEncoder } from "./stream-encoder.ts";

const call = { route: openaiResponses.routes[0]!, param: "", query: "" };

const signed: fc.Arbitrary<Block> = fc
  .tuple(reasoningBlock, fc.constantFrom("encrypted" as const, "signature" as const))
  .map(([block, kind]) => ({
    ...(block as Extract<Block, { type: "reasoning" }>),
    proof: { protocol: kind === "encrypted" ? ("openai-responses" as const) : ("anthropic-messages" as const), kind, data: "c2ln" },
  }));
const opaque: fc.Arbitrary<Block> = fc.constant({
  type: "opaque",
  protocol: "openai-responses",
  value: { type: "web_search_call", id: "ws_1", status: "completed", action: { type: "search", query: "q" } },
});
const content = fc.array(fc.oneof(textBlock, refusalBlock, reasoningBlock, signed, callBlock, opaque), { maxLength: 6 });

describe("Responses as upstream of a translation", () => {
  for (const visibility of ["summary", "none"] as const) {
    test(`the stream of an answer, cut anywhere, and its JSON decode to the same answer (reasoning shown: ${visibility})`, () => {
      const curious = client({ reasoning: { visibility } });
      fc.assert(
        fc.property(answerWith(content), fc.array(fc.double({ min: 0, max: 1, noNaN: true })), (answer, cuts) => {
          const encoder = new ResponsesStreamEncoder(curious);
          const stream = replay(answer)
            .map((event) => encoder.push(event))
            .join("");
          const whole = decode(openaiResponsesUpstream.createStreamDecoder(), stream);
          assert.deepEqual(decode(openaiResponsesUpstream.createStreamDecoder(), stream, cuts), whole);
          assert.deepEqual(collect(whole), openaiResponsesUpstream.parseResponse(renderResponse(answer, curious)));
          assert.deepEqual(
            collect(whole).content.map(({ type }) => type),
            answer.content.map(({ type }) => type),
          );
        }),
      );
    });
  }

  test("whatever a server streams, the events keep their order and nothing is thrown", () => {
    const some = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });
    const part = fc.record({
      type: fc.constantFrom("output_text", "refusal", "summary_text", "new"),
      text: some(fc.constantFrom("", "x", "xy")),
    });
    const item = fc.record({
      type: fc.constantFrom("message", "reasoning", "function_call", "custom_tool_call", "web_search_call"),
      id: some(fc.constant("id")),
      call_id: some(fc.constant("a")),
      name: some(fc.constant("read")),
      arguments: some(fc.constantFrom("", "{}")),
      content: some(fc.array(part, { maxLength: 2 })),
      encrypted_content: some(fc.constantFrom("enc", "")),
    });
    const kinds = [
      "created",
      "output_item.added",
      "output_item.done",
      "content_part.added",
      "content_part.done",
      "output_text.delta",
      "refusal.delta",
      "reasoning_summary_text.delta",
      "reasoning_text.delta",
      "function_call_arguments.delta",
      "new",
    ].map((kind) => `response.${kind}`);
    const event = fc.record({
      type: fc.constantFrom(...kinds),
      output_index: some(fc.nat(2)),
      content_index: some(fc.nat(1)),
      item: some(fc.oneof(item, fc.jsonValue())),
      part: some(fc.oneof(part, fc.jsonValue())),
      delta: some(fc.constantFrom("", "x")),
    });
    const last = fc.record({
      type: fc.constantFrom("response.completed", "response.failed", "error"),
      response: some(fc.record({ output: fc.array(item) })),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 12 }), some(last), (events, end) => {
        const stream = [...events, ...(end === undefined ? [] : [end])].map((value) => `data: ${JSON.stringify(value)}\n\n`).join("");
        checkOrder(decode(openaiResponsesUpstream.createStreamDecoder(), stream));
      }),
      { numRuns: 200 },
    );
  });

  for (const { name, protocol, request } of recordedRequests()) {
    test(`the provider accepts the request of ${name}`, () => {
      for (const quirks of [{}, { noCustomTools: true, noAllowedTools: true }]) {
        const { value } = openaiResponsesUpstream.renderRequest(request, target({ stream: request.stream, quirks }));
        assert.equal(openAiResponsesMock.validate(JSON.parse(value) as JsonObject, undefined), null);
      }
    });

    if (protocol !== "openai-responses") continue;
    test(`${name} is rendered as it was parsed`, () => {
      const rendered = openaiResponsesUpstream.renderRequest(request, target({ model: request.model, stream: request.stream }));
      assert.deepEqual(rendered.losses, []);
      const back = openaiResponses.parseRequest(JSON.parse(rendered.value), call);
      assert.deepEqual(comparable(back, request), comparable(request, request));
    });
  }
});

/** Without what is not kept on purpose: that tools came in an item, and the defaults for foreign clients of fields that the client did not send. */
function comparable(request: ChatRequest, original: ChatRequest): ChatRequest {
  const { extensions, tools, ...rest } = request;
  return {
    ...rest,
    ...(tools === undefined ? {} : { tools: tools.map(unmarked) }),
    ...(original.extensions === undefined || extensions === undefined ? {} : { extensions }),
  };
}

function unmarked(tool: Tool): Tool {
  if (tool.type === "server" || tool.extensions === undefined) return tool;
  const { extensions, ...rest } = tool;
  const { additional_tools: _added, ...own } = extensions["openai-responses"] ?? {};
  return Object.keys(own).length === 0 ? rest : { ...rest, extensions: { "openai-responses": own } };
}
