import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { GatewayError } from "../../core/index.ts";
import { upstreamEmbeddings } from "./upstream-embeddings.ts";

const request = { model: "m", inputs: ["a", "b ✓"], batch: false };
const content = (text: string): object => ({ parts: [{ text }] });

describe("embeddings of Gemini as an upstream", () => {
  test("one text goes to embedContent, several to batchEmbedContents, each with its dimensions", () => {
    const render = (some: object): unknown => {
      const { operation, value, losses } = upstreamEmbeddings.render({ ...request, ...some }, "up");
      return { operation, body: JSON.parse(value) as unknown, losses };
    };
    assert.deepEqual(render({ inputs: ["a"] }), { operation: "embed", body: { model: "models/up", content: content("a") }, losses: [] });
    assert.deepEqual(render({ dimensions: 4 }), {
      operation: "batch-embed",
      body: {
        requests: [
          { model: "models/up", content: content("a"), outputDimensionality: 4 },
          { model: "models/up", content: content("b ✓"), outputDimensionality: 4 },
        ],
      },
      losses: [],
    });
  });

  test("fields that only OpenAI has are reported as lost", () => {
    const extensions = { "openai-chat": { user: "u" } };
    assert.deepEqual(upstreamEmbeddings.render({ ...request, extensions }, "up").losses, [
      { param: "request.user", action: "dropped", reason: "The provider's protocol has no such field." },
    ]);
  });

  test("one vector or several are read, with the token count if there is one", () => {
    const parse = (wire: object): unknown => upstreamEmbeddings.parse(JSON.stringify(wire));
    assert.deepEqual(parse({ embedding: { values: [0.5, 0.25] } }), { vectors: [[0.5, 0.25]] });
    assert.deepEqual(parse({ embeddings: [{ values: [1] }, { values: [2] }], usageMetadata: { promptTokenCount: 3 } }), {
      vectors: [[1], [2]],
      inputTokens: 3,
    });
  });

  test("an answer that is not an embedding is the provider's error", () => {
    const broken = [
      "",
      "[]",
      "{}",
      '{"embedding":{}}',
      '{"embedding":{"values":[]}}',
      '{"embeddings":[{"values":[1]},{}]}',
      '{"embeddings":{}}',
    ];
    for (const body of broken) {
      assert.throws(
        () => upstreamEmbeddings.parse(body),
        (error: unknown) => error instanceof GatewayError && error.code === "upstream_invalid_response",
        body,
      );
    }
  });
});
