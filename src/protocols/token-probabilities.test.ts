import assert from "node:assert/strict";
import { test } from "node:test";
import { protocols } from "./index.ts";
import type { RenderTarget } from "./translation.ts";

const target = (model: string, quirks: RenderTarget["quirks"] = {}): RenderTarget => ({ model, stream: false, quirks });
const ofChat = protocols.get("openai-chat")!.upstream.probabilities!;
const ofGemini = protocols.get("gemini-generate")!.upstream.probabilities!;

test("OpenAI Chat is asked for probabilities, unless the model reasons or the server refuses them", () => {
  assert.deepEqual(JSON.parse(ofChat.ask('{"model":"gpt-4.1"}', target("gpt-4.1"), 5)), {
    model: "gpt-4.1",
    logprobs: true,
    top_logprobs: 5,
  });
  assert.equal(ofChat.ask('{"model":"gpt-5"}', target("gpt-5"), 5), '{"model":"gpt-5"}');
  const none = '{"model":"gpt-5.2","reasoning_effort":"none"}';
  assert.equal((JSON.parse(ofChat.ask(none, target("gpt-5.2"), 5)) as { readonly logprobs?: boolean }).logprobs, true);
  assert.equal(ofChat.ask("{}", target("some", { noVendorFields: true, refusedFields: ["logprobs"] }), 5), "{}");
});

test("the probabilities of the first token are read from an answer of OpenAI Chat", () => {
  const top = [
    { token: "blue", logprob: -0.5, bytes: null },
    { token: "red", logprob: -1.5, bytes: null },
  ];
  const body = { choices: [{ message: {}, logprobs: { content: [{ token: "blue", logprob: -0.5, top_logprobs: top }, { token: "." }] } }] };
  assert.deepEqual(ofChat.read(JSON.stringify(body)), [
    { token: "blue", probability: Math.exp(-0.5) },
    { token: "red", probability: Math.exp(-1.5) },
  ]);
  for (const other of ['{"choices":[{"logprobs":null}]}', '{"choices":[{"logprobs":{"content":[]}}]}', "{}", "[]"])
    assert.equal(ofChat.read(other), undefined);
});

test("the same of Gemini", () => {
  assert.deepEqual(JSON.parse(ofGemini.ask('{"generationConfig":{"maxOutputTokens":9}}', target("gemini-2.5-flash"), 5)), {
    generationConfig: { maxOutputTokens: 9, responseLogprobs: true, logprobs: 5 },
  });
  const candidates = [
    { token: "Blue", tokenId: 1, logProbability: -0.25 },
    { token: "Red", tokenId: 2, logProbability: -2 },
  ];
  const body = { candidates: [{ content: {}, logprobsResult: { topCandidates: [{ candidates }, { candidates: [] }] } }] };
  assert.deepEqual(ofGemini.read(JSON.stringify(body)), [
    { token: "Blue", probability: Math.exp(-0.25) },
    { token: "Red", probability: Math.exp(-2) },
  ]);
  assert.equal(ofGemini.read('{"candidates":[{}]}'), undefined);
});
