import assert from "node:assert/strict";
import { test } from "node:test";
import { latin1OfUtf8, asBytes, type Bytes } from "../../core/index.ts";
import { replay, type ChatResponse, type ProtocolId } from "../../ir/index.ts";
import { AnsweredError, protocols, type ClientContext } from "../../protocols/index.ts";
import { loopbackProvider } from "../../upstream/index.ts";
import { AnswerTranslator } from "./answer-translator.ts";

const answer: ChatResponse = {
  id: "abc",
  model: "m",
  createdAt: 1_700_000_000,
  content: [
    { type: "text", text: "Ja, ✓ 日本" },
    { type: "tool-call", id: "call_1", name: "look", kind: "function", arguments: '{"city":"Zürich"}' },
  ],
  stopReason: "tool-calls",
  usage: { input: 10, output: 5 },
};

const provider = { ...loopbackProvider, name: "far" };

const client: ClientContext = {
  model: "m",
  includeUsage: true,
  jsonArray: false,
  request: { model: "m", stream: true, messages: [] },
};

function between(upstream: ProtocolId, dialect: ProtocolId, context = client): AnswerTranslator {
  return new AnswerTranslator({
    upstream: protocols.get(upstream)!.upstream,
    dialect: protocols.get(dialect)!,
    client: context,
    provider,
    refuse: () => undefined,
    nowSeconds: () => answer.createdAt,
  });
}

function streamOf(protocol: ProtocolId, response: ChatResponse): Bytes {
  const encoder = protocols.get(protocol)!.createStreamEncoder(client);
  const text = replay(response).map((event) => encoder.push(event));
  return latin1OfUtf8(text.join(""));
}

const bare = ({ content, stopReason, usage }: ChatResponse): object => ({
  content: content.map((block) => (block.type === "tool-call" ? { ...block, itemId: undefined } : block)),
  stopReason,
  input: usage.input,
  output: usage.output,
});

for (const upstream of protocols.keys()) {
  for (const dialect of protocols.keys()) {
    test(`${upstream} to ${dialect}: one object where a stream was asked for becomes that stream`, () => {
      const whole = latin1OfUtf8(protocols.get(upstream)!.renderResponse(answer, client));
      const translator = between(upstream, dialect);
      const { body, contentType, facts } = translator.replay(translator.parse(whole));
      assert.equal(contentType, "text/event-stream; charset=utf-8");
      assert.deepEqual([facts.usage?.input, facts.usage?.output], [10, 5]);
      assert.deepEqual(bare(between(dialect, dialect).collect(body)), bare(answer));
    });

    test(`${upstream} to ${dialect}: a stream where one object was asked for becomes that object`, () => {
      const translator = between(upstream, dialect);
      const { body, contentType, facts } = translator.render(translator.collect(streamOf(upstream, answer)));
      assert.equal(contentType, "application/json");
      assert.deepEqual([facts.usage?.input, facts.usage?.output], [10, 5]);
      assert.deepEqual(bare(between(dialect, dialect).parse(body)), bare(answer));
    });
  }

  test(`${upstream}: a stream that breaks off is no answer`, () => {
    const stream = streamOf(upstream, answer);
    const cut = /\n\r?\n/g;
    cut.lastIndex = stream.indexOf("Ja");
    cut.exec(stream);
    const half = stream.slice(0, cut.lastIndex);
    assert.throws(() => between(upstream, "openai-chat").collect(asBytes(half)), {
      code: "upstream_truncated",
      status: 502,
      message: 'The provider "far" ended its stream before the answer was complete.',
    });
  });

  test(`${upstream}: a stream that tells an error is that error`, () => {
    const encoder = protocols.get(upstream)!.createStreamEncoder(client);
    const text = [
      encoder.push({ type: "message-start", id: "abc", model: "m", createdAt: 1 }),
      encoder.push({ type: "error", error: { status: 529, message: "Too busy." } }),
    ].join("");
    assert.throws(
      () => between(upstream, "anthropic-messages").collect(asBytes(text)),
      (thrown) => {
        assert.ok(thrown instanceof AnsweredError);
        assert.equal(thrown.upstream.message, "Too busy.");
        return true;
      },
    );
  });
}

test("Gemini's stream as one JSON array is read like its events, and written where a client asks for it", () => {
  const context = { ...client, jsonArray: true };
  const whole = latin1OfUtf8(protocols.get("openai-chat")!.renderResponse(answer, client));
  const toArray = between("openai-chat", "gemini-generate", context);
  const { body, contentType } = toArray.replay(toArray.parse(whole));
  assert.equal(contentType, "application/json");
  assert.ok(Array.isArray(JSON.parse(body)));
  assert.deepEqual(bare(between("gemini-generate", "openai-chat").parse(body)), bare(answer));
});

test("several answers stay several in one object, and cannot become a stream", () => {
  const whole = latin1OfUtf8(protocols.get("openai-chat")!.renderResponse({ ...answer, alternatives: [answer] }, client));
  const translator = between("openai-chat", "gemini-generate");
  const parsed = translator.parse(whole);
  assert.equal((JSON.parse(translator.render(parsed).body) as { candidates: unknown[] }).candidates.length, 2);
  assert.throws(() => translator.replay(parsed), { code: "upstream_invalid_response" });
});

test("blocks are changed on their way, whichever form they came in", () => {
  const translator = new AnswerTranslator({
    upstream: protocols.get("openai-chat")!.upstream,
    dialect: protocols.get("openai-chat")!,
    client,
    provider,
    refuse: () => undefined,
    change: (content) => content.slice(0, 1),
    nowSeconds: () => 5,
  });
  const whole = protocols.get("openai-chat")!.renderResponse({ ...answer, createdAt: 0 }, client);
  const parsed = translator.parse(latin1OfUtf8(whole));
  assert.deepEqual(
    [parsed.content.length, parsed.createdAt, translator.collect(streamOf("openai-chat", answer)).content.length],
    [1, 5, 1],
  );
});
