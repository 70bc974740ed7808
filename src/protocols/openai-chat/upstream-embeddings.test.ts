import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { GatewayError } from "../../core/index.ts";
import { upstreamEmbeddings } from "./upstream-embeddings.ts";

const request = { model: "m", inputs: ["a", "b ✓"], batch: true };

describe("embeddings of an upstream that speaks OpenAI's protocol", () => {
  test("several texts are one request, a single text is not in a list; numbers are requested, whatever format the client wants", () => {
    const render = (some: object): unknown => upstreamEmbeddings.render({ ...request, ...some }, "up");
    assert.deepEqual(render({ dimensions: 4, encoding: "base64" }), {
      operation: "embed",
      value: '{"model":"up","input":["a","b ✓"],"encoding_format":"float","dimensions":4}',
      losses: [],
    });
    assert.deepEqual(render({ inputs: ["a"] }), {
      operation: "embed",
      value: '{"model":"up","input":"a","encoding_format":"float"}',
      losses: [],
    });
  });

  test("fields that only Gemini has are reported as lost", () => {
    const extensions = {
      "gemini-generate": { taskType: "RETRIEVAL_QUERY", title: "T", autoTruncate: false },
      "openai-chat": { user: "u" },
    };
    const reason = "The provider's protocol has no such field.";
    assert.deepEqual(upstreamEmbeddings.render({ ...request, extensions }, "up").losses, [
      { param: "request.taskType", action: "dropped", reason },
      { param: "request.title", action: "dropped", reason },
    ]);
  });

  test("vectors are in the order of their index, as numbers or base64, with the token count if there is one", () => {
    const data = [
      { object: "embedding", index: 1, embedding: "AACAPwAAAMA=" },
      { object: "embedding", index: 0, embedding: [0.5, 0.25] },
    ];
    const parse = (wire: object): unknown => upstreamEmbeddings.parse(JSON.stringify(wire));
    const vectors = [
      [0.5, 0.25],
      [1, -2],
    ];
    assert.deepEqual(parse({ data, usage: { prompt_tokens: 7, total_tokens: 7 } }), { vectors, inputTokens: 7 });
    assert.deepEqual(parse({ data }), { vectors });
    assert.deepEqual(parse({ data, usage: { prompt_tokens: -1 } }), { vectors });
    assert.deepEqual(parse({ data: [{ embedding: [1] }, { embedding: [2] }] }), { vectors: [[1], [2]] }, "no index at all");
  });

  test("an answer that is not an embedding is the provider's error", () => {
    const broken = [
      "",
      "null",
      "[]",
      "{}",
      '{"data":{}}',
      '{"data":[{"index":0}]}',
      '{"data":[{"index":0,"embedding":[]}]}',
      '{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}',
      '{"data":[{"index":1,"embedding":[1]}]}',
      '{"data":[{"index":-1,"embedding":[1]}]}',
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
