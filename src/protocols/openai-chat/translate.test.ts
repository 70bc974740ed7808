import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { openAiChatMock } from "../../../tests/testbed/mock-openai-chat.ts";
import type { JsonObject } from "../../../tests/testbed/json.ts";
import { collect, replay, type Block, type ChatRequest } from "../../ir/index.ts";
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
import { openaiChat } from "./index.ts";
import { openaiChatUpstream } from "./upstream.ts";
import { renderResponse } from "./render-response.ts";
import { ChatStreamEncoder } from "./stream-encoder.ts";

const call = { route: openaiChat.routes[0]!, param: "", query: "" };

/** An answer that this dialect can express: reasoning, one text, one refusal, calls. */
const content = fc
  .tuple(fc.option(reasoningBlock), fc.option(textBlock), fc.option(refusalBlock), fc.array(callBlock, { maxLength: 4 }))
  .map(([reasoning, text, refusal, calls]) => [reasoning, text, refusal, ...calls].filter((block): block is Block => block !== null));

/** The block without the mark that says where to send its reasoning back. */
function withoutMark(block: Block): Block {
  if (block.type !== "reasoning") return block;
  const { proof: _, ...unmarked } = block;
  return unmarked;
}

describe("Chat as upstream of a translation", () => {
  test("the stream of an answer, cut anywhere, and its JSON decode to the same answer", () => {
    fc.assert(
      fc.property(answerWith(content), fc.array(fc.double({ min: 0, max: 1, noNaN: true })), (answer, cuts) => {
        const encoder = new ChatStreamEncoder(client());
        const stream = replay(answer)
          .map((event) => encoder.push(event))
          .join("");
        const whole = decode(openaiChatUpstream.createStreamDecoder(), stream);
        assert.deepEqual(decode(openaiChatUpstream.createStreamDecoder(), stream, cuts), whole);
        assert.deepEqual(collect(whole), openaiChatUpstream.parseResponse(renderResponse(answer, client())));
        assert.deepEqual(collect(whole).content.map(withoutMark), answer.content);
      }),
    );
  });

  test("whatever a server streams, the events keep their order and nothing is thrown", () => {
    const some = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });
    const body = fc.oneof(
      fc.record({ name: some(fc.constantFrom("read", "")), arguments: some(fc.constantFrom("", "{", "}")) }),
      fc.jsonValue(),
    );
    const piece = fc.record({ index: some(fc.nat(2)), id: some(fc.constantFrom("a", "b", "")), function: some(body), custom: some(body) });
    const delta = fc.record({
      content: some(fc.oneof(fc.constantFrom("", "x"), fc.jsonValue())),
      reasoning: some(fc.constantFrom("", "r")),
      refusal: some(fc.constantFrom("", "no")),
      tool_calls: some(fc.array(fc.oneof(piece, fc.jsonValue()), { maxLength: 3 })),
    });
    const choice = fc.record({
      index: some(fc.nat(1)),
      delta: fc.oneof(delta, fc.jsonValue()),
      finish_reason: some(fc.constantFrom(null, "stop", "x")),
    });
    const chunk = fc.oneof(
      { weight: 9, arbitrary: fc.record({ choices: fc.array(choice, { maxLength: 2 }), usage: some(fc.jsonValue()) }) },
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(fc.array(chunk), fc.boolean(), (chunks, done) => {
        const stream = chunks.map((value) => `data: ${JSON.stringify(value)}\n\n`).join("") + (done ? "data: [DONE]\n\n" : "");
        checkOrder(decode(openaiChatUpstream.createStreamDecoder(), stream));
      }),
      { numRuns: 200 },
    );
  });

  for (const { name, protocol, request } of recordedRequests()) {
    test(`the provider accepts the request of ${name}`, () => {
      for (const quirks of [
        {},
        { noDeveloperRole: true, noCustomTools: true, noAllowedTools: true, maxTokensField: "max_tokens" as const },
      ]) {
        for (const stream of [true, false]) {
          const { value } = openaiChatUpstream.renderRequest(request, target({ stream, quirks }));
          const body = JSON.parse(value) as JsonObject;
          assert.equal(openAiChatMock.validate(body, undefined), null);
          assert.deepEqual(body["stream_options"], stream ? { include_usage: true } : undefined);
        }
      }
    });

    if (protocol !== "openai-chat") continue;
    test(`${name} is rendered as it was parsed`, () => {
      const rendered = openaiChatUpstream.renderRequest(
        request,
        target({ model: request.model, stream: request.stream, quirks: { echoReasoning: true } }),
      );
      assert.deepEqual(rendered.losses, []);
      const back = openaiChat.parseRequest(JSON.parse(rendered.value), call);
      assert.deepEqual(withoutOptions(back), withoutOptions(request));
    });
  }
});

/** A stream is always asked for its usage. */
function withoutOptions(request: ChatRequest): ChatRequest {
  const { stream_options: _options, ...own } = request.extensions?.["openai-chat"] ?? {};
  return { ...request, extensions: { "openai-chat": own } };
}
