import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import OpenAI from "openai";
import { GatewayError, latin1OfUtf8, Secret, asBytes } from "../../core/index.ts";
import type { Operation, RouteCall } from "../protocol.ts";
import { openaiChat } from "./index.ts";

const call = (operation: Operation): RouteCall => ({
  route: openaiChat.routes.find((route) => route.operation === operation) ?? { method: "GET", path: "/", operation },
  param: "",
  query: "",
});

describe("OpenAI Chat as a protocol", () => {
  test("serves these routes", () => {
    assert.deepEqual(
      openaiChat.routes.map(({ method, path, operation }) => `${method} ${path} ${operation}`),
      [
        "POST /v1/chat/completions generate",
        "POST /v1beta/openai/chat/completions generate",
        "POST /v1/embeddings embed",
        "POST /v1beta/openai/embeddings embed",
        "GET /v1beta/openai/models list-models",
        "POST /openai/deployments/{model}/chat/completions generate",
        "POST /openai/deployments/{model}/embeddings embed",
      ],
    );
  });

  test("finds its upstream's paths, and has no path for an operation that it lacks", () => {
    assert.deepEqual(openaiChat.upstreamPath(call("generate"), "m"), { method: "POST", path: "/chat/completions" });
    assert.deepEqual(openaiChat.upstreamPath(call("embed"), "m"), { method: "POST", path: "/embeddings" });
    assert.deepEqual(openaiChat.upstreamPath(call("list-models"), ""), { method: "GET", path: "/models" });
    assert.deepEqual(openaiChat.upstreamPath(call("get-model"), "a/b ü"), { method: "GET", path: "/models/a%2Fb%20%C3%BC" });
    assert.throws(() => openaiChat.upstreamPath(call("count-tokens"), "m"), GatewayError);
  });

  test("carries the key as a bearer token", () => {
    assert.deepEqual(openaiChat.credentialHeader(new Secret("sk-1")), ["authorization", "Bearer sk-1"]);
  });

  test("reads the facts of a recorded answer, and of embeddings", () => {
    const recorded = readFileSync(new URL("fixtures/answer.json", import.meta.url), "utf8");
    assert.deepEqual(openaiChat.readAnswer(latin1OfUtf8(recorded), call("generate")), {
      id: "chatcmpl-9edc58501d4755567022ed3c",
      model: "gpt-mock",
      usage: { input: 1200, output: 60, cacheRead: 800, reasoning: 20 },
    });
    const embeddings = '{"object":"list","data":[{"embedding":[0.1,-1e-5]}],"model":"e","usage":{"prompt_tokens":8,"total_tokens":8}}';
    assert.deepEqual(openaiChat.readAnswer(asBytes(embeddings), call("embed")), { model: "e", usage: { input: 8 } });
    assert.throws(() => openaiChat.readAnswer(asBytes("<html>"), call("generate")), GatewayError);
  });

  test("ends a stream with an error and no [DONE]", () => {
    const error = new GatewayError("upstream_timeout", "Too late.");
    assert.equal(
      openaiChat.renderStreamError(error, "req_1", { jsonArray: false }),
      'data: {"error":{"message":"Too late.","type":"server_error","param":null,"code":"upstream_timeout"}}\n\n',
    );
  });
});

describe("embeddings", () => {
  const parse = (wire: unknown): unknown => openaiChat.parseEmbedding!(wire, call("embed"));

  test("take a text or several", () => {
    assert.deepEqual(parse({ model: "e", input: "a" }), { model: "e", inputs: ["a"], batch: false });
    assert.deepEqual(parse({ model: "e", input: ["a", "b"], dimensions: 4, encoding_format: "base64", user: "u" }), {
      model: "e",
      inputs: ["a", "b"],
      dimensions: 4,
      encoding: "base64",
      batch: false,
      extensions: { "openai-chat": { user: "u" } },
    });
  });

  for (const [what, input, param] of [
    ["nothing", undefined, "input"],
    ["an empty list", [], "input"],
    ["an empty text", ["a", ""], "input[1]"],
    ["tokens", [1, 2], "input"],
    ["lists of tokens", [[1, 2]], "input"],
    ["a truth", [true], "input[0]"],
  ] as const) {
    test(`refuse ${what}`, () => {
      assert.throws(
        () => parse({ model: "e", input }),
        (error: unknown) => error instanceof GatewayError && error.code === "invalid_request" && error.param === param,
      );
    });
  }

  for (const encoding of ["float", "base64"] as const) {
    test(`are read by the vendor's SDK as ${encoding}`, async () => {
      const body = openaiChat.renderEmbedding!(
        {
          model: "e",
          vectors: [
            [0.5, -0.25],
            [1, 0],
          ],
          inputTokens: 3,
        },
        { model: "e", inputs: ["a", "b"], batch: false, encoding },
      );
      const openai = new OpenAI({
        apiKey: "k",
        baseURL: "http://gateway.test/v1",
        fetch: () => Promise.resolve(new Response(body, { headers: { "content-type": "application/json" } })),
      });
      // Without a format the SDK asks for base64 and decodes it itself.
      const given = encoding === "float" ? { encoding_format: "float" as const } : {};
      const got = await openai.embeddings.create({ model: "e", input: ["a", "b"], ...given });
      assert.deepEqual(JSON.parse(JSON.stringify(got)), {
        object: "list",
        data: [
          { object: "embedding", index: 0, embedding: [0.5, -0.25] },
          { object: "embedding", index: 1, embedding: [1, 0] },
        ],
        model: "e",
        usage: { prompt_tokens: 3, total_tokens: 3 },
      });
    });
  }
});
