import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError, Secret } from "../../core/index.ts";
import { geminiGenerate } from "./index.ts";
import { callOf, sdkWith } from "./testing.ts";

const errorInfo = "type.googleapis.com/google.rpc.ErrorInfo";
const json = (body: string, status = 200) => new Response(body, { status, headers: { "content-type": "application/json" } });

const paths: readonly (readonly [route: string, method: string, path: string])[] = [
  ["GET /v1beta/models", "GET", "/v1beta/models"],
  ["GET /v1beta/models/{model}", "GET", "/v1beta/models/vendor/a%3Ab%20c"],
  ...["generateContent", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents"].flatMap((verb) =>
    ["/v1beta", "/v1"].map(
      (version) => [`POST ${version}/models/{model}:${verb}`, "POST", `/v1beta/models/vendor/a%3Ab%20c:${verb}`] as const,
    ),
  ),
];
for (const [route, method, path] of paths) {
  test(`${route} goes to ${path}`, () => {
    assert.deepEqual(geminiGenerate.upstreamPath(callOf(route), "vendor/a:b c"), { method, path });
  });
}

test("the routes are those of the API, and streaming is in the path", () => {
  assert.equal(geminiGenerate.routes.length, paths.length);
  assert.deepEqual(
    geminiGenerate.routes.filter(({ stream }) => stream === true).map(({ path }) => path),
    ["/v1beta/models/{model}:streamGenerateContent", "/v1/models/{model}:streamGenerateContent"],
  );
});

test("a name may have its collection, and dotted segments are refused in a path", () => {
  const pathOf = (model: string) => geminiGenerate.upstreamPath(callOf("GET /v1beta/models/{model}"), model).path;
  assert.deepEqual(["models/a", "tunedModels/a"].map(pathOf), ["/v1beta/models/a", "/v1beta/tunedModels/a"]);
  for (const name of ["..", "a/../b", "a//b", "", "models/"]) assert.throws(() => pathOf(name), { code: "invalid_path" });
});

test("the provider's key goes into x-goog-api-key", () => {
  assert.deepEqual(geminiGenerate.credentialHeader(new Secret("k")), ["x-goog-api-key", "k"]);
});

const rendered: readonly (readonly [error: GatewayError, status: number, word: string])[] = [
  [new GatewayError("invalid_request", "m"), 400, "INVALID_ARGUMENT"],
  [new GatewayError("invalid_api_key", "m"), 401, "UNAUTHENTICATED"],
  [new GatewayError("admin_required", "m"), 403, "PERMISSION_DENIED"],
  [new GatewayError("model_not_found", "m"), 404, "NOT_FOUND"],
  [new GatewayError("request_timeout", "m"), 408, "DEADLINE_EXCEEDED"],
  [new GatewayError("body_too_large", "m"), 413, "INVALID_ARGUMENT"],
  [new GatewayError("rate_limited", "m"), 429, "RESOURCE_EXHAUSTED"],
  [new GatewayError("internal_error", "m"), 500, "INTERNAL"],
  [new GatewayError("translation_unavailable", "m"), 501, "UNIMPLEMENTED"],
  [new GatewayError("upstream_error", "m"), 502, "UNAVAILABLE"],
  [new GatewayError("ledger_unavailable", "m"), 503, "UNAVAILABLE"],
  [new GatewayError("ledger_unavailable", "m", { status: 529 }), 503, "UNAVAILABLE"],
  [new GatewayError("upstream_timeout", "m"), 504, "DEADLINE_EXCEEDED"],
  [new GatewayError("invalid_request", "m", { upstreamType: "FAILED_PRECONDITION" }), 400, "FAILED_PRECONDITION"],
  [new GatewayError("upstream_credentials_rejected", "m", { upstreamType: "UNAUTHENTICATED" }), 502, "UNAVAILABLE"],
];
for (const [error, status, word] of rendered) {
  test(`${error.code} ${error.status} ${error.upstreamType ?? ""} is ${status} ${word}`, () => {
    const { body, ...rest } = geminiGenerate.renderError(error, "req_1");
    assert.deepEqual(rest, { status });
    assert.deepEqual(JSON.parse(body), {
      error: {
        code: status,
        message: "m",
        status: word,
        details: [{ "@type": errorInfo, reason: error.code, domain: "tokligence", metadata: { request_id: "req_1" } }],
      },
    });
  });
}

test("an error names the field, the upstream's word, and the time to wait", () => {
  const error = new GatewayError("rate_limited", "m", { param: "contents", upstreamCode: "QUOTA", retryAfterSeconds: 7 });
  const { body } = geminiGenerate.renderError(error, "req_1");
  assert.deepEqual((JSON.parse(body) as { error: { details: unknown } }).error.details, [
    {
      "@type": errorInfo,
      reason: "rate_limited",
      domain: "tokligence",
      metadata: { request_id: "req_1", param: "contents", upstream_code: "QUOTA" },
    },
    { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "7s" },
  ]);
});

test("the SDK reads status and message of an error", async () => {
  const { status, body } = geminiGenerate.renderError(new GatewayError("model_not_found", "No such model ✓."), "req_1");
  const sdk = sdkWith(() => json(body, status));
  await assert.rejects(sdk.models.generateContent({ model: "m", contents: "hi" }), {
    name: "ApiError",
    status: 404,
    message: /No such model ✓/,
  });
});

test("an error in a stream is an ASCII chunk, repeated without data: for old clients, or the last element of an array", () => {
  const error = new GatewayError("upstream_truncated", "Schluß");
  const sse = geminiGenerate.renderStreamError(error, "req_1", { jsonArray: false });
  const object =
    '{"error":{"code":502,"message":"Schlu\\u00df","status":"UNAVAILABLE","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"upstream_truncated","domain":"tokligence","metadata":{"request_id":"req_1"}}]}}';
  assert.equal(sse, `data: ${object}\r\n\r\n${object}`);
  const array = geminiGenerate.renderStreamError(error, "req_1", { jsonArray: true });
  assert.deepEqual(JSON.parse(`[{"a":1}${array}`), [{ a: 1 }, JSON.parse(object)]);
});

test("upstream errors of any shape are read", () => {
  const { parseError } = { parseError: (status: number, body: string) => geminiGenerate.parseError(status, body) };
  const error = {
    code: 400,
    message: "API key not valid.",
    status: "INVALID_ARGUMENT",
    details: [{ "@type": errorInfo, reason: "API_KEY_INVALID" }],
  };
  const keyInvalid = { status: 401, message: "API key not valid.", type: "INVALID_ARGUMENT", code: "API_KEY_INVALID" };
  assert.deepEqual(parseError(400, JSON.stringify({ error })), keyInvalid);
  assert.deepEqual(parseError(400, JSON.stringify([{ error }])), keyInvalid);
  assert.deepEqual(parseError(503, '{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}'), {
    status: 503,
    message: "busy",
    type: "UNAVAILABLE",
  });
  assert.deepEqual(parseError(502, "<html>"), { status: 502, message: "The provider answered 502 without a readable message." });
  assert.deepEqual(parseError(502, "bad gateway\n"), { status: 502, message: "bad gateway" });
});

test("the list of models has the vendor's shape, and the SDK reads it", async () => {
  const models = [
    { id: "a/b", provider: "p", createdAt: 0 },
    { id: "tunedModels/t", provider: "p", createdAt: 0 },
  ];
  const wire = (name: string, displayName: string) => ({
    name,
    version: "",
    displayName,
    supportedGenerationMethods: ["generateContent", "countTokens"],
  });
  const list = geminiGenerate.renderModelList(models);
  const expected = [wire("models/a/b", "a/b"), wire("tunedModels/t", "tunedModels/t")];
  assert.deepEqual(JSON.parse(list), { models: expected });
  assert.deepEqual(JSON.parse(geminiGenerate.renderModel(models[0]!)), expected[0]);
  const listed = [];
  for await (const model of await sdkWith(() => json(list)).models.list()) listed.push([model.name, model.supportedActions]);
  assert.deepEqual(listed, [
    ["models/a/b", ["generateContent", "countTokens"]],
    ["tunedModels/t", ["generateContent", "countTokens"]],
  ]);
  assert.deepEqual(geminiGenerate.parseModelList(JSON.parse(list)), ["a/b", "tunedModels/t"]);
  for (const odd of [{}, { models: {} }, { models: [{}] }, null]) {
    assert.throws(() => geminiGenerate.parseModelList(odd), { code: "upstream_invalid_response" });
  }
});

test("the SDK reads a count of tokens", async () => {
  assert.equal(geminiGenerate.renderTokenCount(7), '{"totalTokens":7}');
  const sdk = sdkWith(() => json(geminiGenerate.renderTokenCount(7)));
  assert.equal((await sdk.models.countTokens({ model: "m", contents: "hi" })).totalTokens, 7);
});

const embedCall = callOf("POST /v1beta/models/{model}:embedContent", "models/emb");
const batchCall = callOf("POST /v1/models/{model}:batchEmbedContents", "emb");

test("the parts of one content are embedded as one text", () => {
  const wire = {
    model: "models/emb",
    content: { parts: [{ text: "a" }, { text: "b" }] },
    taskType: "RETRIEVAL_QUERY",
    output_dimensionality: 3,
  };
  const request = geminiGenerate.parseEmbedding?.(wire, embedCall);
  const extensions = { "gemini-generate": { taskType: "RETRIEVAL_QUERY" } };
  assert.deepEqual(request, { model: "emb", inputs: ["ab"], dimensions: 3, batch: false, extensions });
  const body = geminiGenerate.renderEmbedding?.({ model: "emb", vectors: [[1, 2, 3]], inputTokens: 2 }, request);
  assert.deepEqual(JSON.parse(body!), { embedding: { values: [1, 2, 3] }, usageMetadata: { promptTokenCount: 2, totalTokenCount: 2 } });
});

test("the fields beside the content of an embedding may be in its configuration", () => {
  const config = { output_dimensionality: 3, taskType: "CLUSTERING", title: "T" };
  const wire = {
    requests: [
      { content: "a", embedContentConfig: config },
      { content: "b", outputDimensionality: 3, autoTruncate: true },
    ],
  };
  assert.deepEqual(geminiGenerate.parseEmbedding?.(wire, batchCall), {
    model: "emb",
    inputs: ["a", "b"],
    dimensions: 3,
    batch: true,
    extensions: { "gemini-generate": { taskType: "CLUSTERING", title: "T", autoTruncate: true } },
  });
});

test("the SDK sends a batch and reads the answer", async () => {
  const wire = { requests: [{ model: "models/emb", content: { parts: [{ text: "a" }] } }, { content: "b" }] };
  const request = geminiGenerate.parseEmbedding?.(wire, batchCall);
  assert.deepEqual(request, { model: "emb", inputs: ["a", "b"], batch: true });
  const body = geminiGenerate.renderEmbedding?.({ model: "emb", vectors: [[1], [2]], inputTokens: 2 }, request);
  const answer = await sdkWith(() => json(body!)).models.embedContent({ model: "emb", contents: ["a", "b"] });
  assert.deepEqual(
    answer.embeddings?.map(({ values }) => values),
    [[1], [2]],
  );
});

const embedFaults: readonly (readonly [param: string, wire: unknown])[] = [
  ["requests", {}],
  ["requests", { requests: [] }],
  ["requests[1].content", { requests: [{ content: "a" }, {}] }],
  ["requests[0].content.parts[0].text", { requests: [{ content: { parts: [{ inlineData: {} }] } }] }],
  [
    "requests[1].outputDimensionality",
    {
      requests: [
        { content: "a", outputDimensionality: 3 },
        { content: "b", outputDimensionality: 4 },
      ],
    },
  ],
];
for (const [param, wire] of embedFaults) {
  test(`a 400 names ${param} of an embedding ${JSON.stringify(wire).slice(0, 50)}`, () => {
    assert.throws(
      () => geminiGenerate.parseEmbedding?.(wire, batchCall),
      (error) => error instanceof GatewayError && error.code === "invalid_request" && error.param === param,
    );
  });
}
