import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import OpenAI from "openai";
import { applyEdits, GatewayError, latin1OfUtf8, asBytes } from "../../core/index.ts";
import type { Operation, RouteCall } from "../protocol.ts";
import { openaiResponses } from "./index.ts";

const call = (operation: Operation, param = ""): RouteCall => ({
  route: openaiResponses.routes.find((route) => route.operation === operation) ?? { method: "GET", path: "/", operation },
  param,
  query: "",
});

describe("OpenAI Responses as a protocol", () => {
  test("serves these routes", () => {
    assert.deepEqual(
      openaiResponses.routes.map(({ method, path, operation }) => `${method} ${path} ${operation}`),
      [
        "POST /v1/responses generate",
        "POST /v1/responses/input_tokens count-tokens",
        "GET /v1/responses/{id} get-response",
        "DELETE /v1/responses/{id} delete-response",
        "POST /v1/responses/{id}/cancel cancel-response",
        "GET /v1/responses/{id}/input_items list-input-items",
        "POST /openai/deployments/{model}/responses generate",
      ],
    );
  });

  for (const [operation, expected] of [
    ["generate", "POST /responses"],
    ["count-tokens", "POST /responses/input_tokens"],
    ["get-response", "GET /responses/resp%2F1%20%C3%BC"],
    ["delete-response", "DELETE /responses/resp%2F1%20%C3%BC"],
    ["cancel-response", "POST /responses/resp%2F1%20%C3%BC/cancel"],
    ["list-input-items", "GET /responses/resp%2F1%20%C3%BC/input_items"],
    ["list-models", "GET /models"],
    ["get-model", "GET /models/m"],
  ] as const) {
    test(`asks its upstream to ${operation}`, () => {
      const { method, path } = openaiResponses.upstreamPath(call(operation, "resp/1 ü"), "m");
      assert.equal(`${method} ${path}`, expected);
    });
  }

  test("has no embeddings", () => {
    assert.throws(() => openaiResponses.upstreamPath(call("embed"), "m"), GatewayError);
  });

  test("reads the envelope of a body, and changes nothing but the model", () => {
    const body =
      '{ "model" : "alias" , "stream":true,"max_output_tokens":7,"previous_response_id":"resp_1","store":false,"background":true,"conversation":"c","input":[ 1.0 ]}';
    const envelope = openaiResponses.readEnvelope(body, call("generate"));
    assert.deepEqual(envelope, {
      model: "alias",
      stream: true,
      maxOutputTokens: 7,
      previousResponseId: "resp_1",
      store: false,
      background: true,
      conversation: true,
      spans: { model: { start: 12, end: 19 }, previous_response_id: { start: 81, end: 89 }, input: { start: 149, end: 156 } },
      insertAt: 1,
      empty: false,
    });
    const edits = openaiResponses.planEdits(envelope, call("generate"), { model: "ü" });
    assert.equal(applyEdits(body, edits), body.replace("alias", latin1OfUtf8("ü")));
    assert.deepEqual(openaiResponses.planEdits(envelope, call("generate"), {}), []);
  });

  test("reads null as absent, and does not stream a count", () => {
    const body =
      '{"model":"m","previous_response_id":null,"store":null,"max_output_tokens":null,"background":null,"conversation":null,"stream":true}';
    assert.deepEqual(openaiResponses.readEnvelope(body, call("count-tokens")), {
      model: "m",
      stream: false,
      spans: { model: { start: 9, end: 12 }, previous_response_id: { start: 36, end: 40 }, input: undefined },
      insertAt: 1,
      empty: false,
    });
  });

  for (const [body, param] of [
    ["{}", "model"],
    ['{"model":"m","stream":1}', "stream"],
    ['{"model":"m","store":"no"}', "store"],
    ['{"model":"m","background":"no"}', "background"],
    ['{"model":"m","previous_response_id":7}', "previous_response_id"],
  ] as const) {
    test(`refuses ${body} and names the field`, () => {
      assert.throws(
        () => openaiResponses.readEnvelope(body, call("generate")),
        (error: unknown) => error instanceof GatewayError && error.code === "invalid_request" && error.param === param,
      );
    });
  }

  test("reads the facts of a recorded answer, and of the other answers", () => {
    const recorded = readFileSync(new URL("fixtures/answer.json", import.meta.url), "utf8");
    assert.deepEqual(openaiResponses.readAnswer(latin1OfUtf8(recorded), call("generate")), {
      id: "resp_7b1fab49b0c86ddae8b989cc",
      model: "gpt-mock",
      usage: { input: 1200, output: 60, cacheRead: 800, reasoning: 20 },
      stopReason: "completed",
    });
    const incomplete = '{"id":"r","status":"incomplete","incomplete_details":{"reason":"content_filter"}}';
    assert.deepEqual(openaiResponses.readAnswer(asBytes(incomplete), call("generate")), { id: "r", stopReason: "content_filter" });
    assert.deepEqual(openaiResponses.readAnswer(asBytes('{"id":"r","status":"queued"}'), call("generate")), { id: "r" });
    assert.deepEqual(openaiResponses.readAnswer(asBytes('{"object":"response.input_tokens","input_tokens":7}'), call("count-tokens")), {});
  });

  test("renders a token count as the vendor's SDK types it", () => {
    assert.equal(openaiResponses.renderTokenCount(7), '{"object":"response.input_tokens","input_tokens":7}');
  });
});

describe("the error that ends a Responses stream", () => {
  const requestId = "req_01936f2a-1c00-7000-8000-000000000001";
  const failedOf = (error: GatewayError, facts = {}): Record<string, unknown> => {
    const stream = openaiResponses.renderStreamError(error, requestId, { jsonArray: false, facts });
    const [name, data] = stream.split("\n");
    assert.equal(name, "event: response.failed");
    return JSON.parse(data!.slice("data: ".length)) as Record<string, unknown>;
  };

  test("continues the id and the numbers of the stream", () => {
    const { sequence_number: sequence, response } = failedOf(new GatewayError("upstream_truncated", "Cut."), {
      id: "resp_9",
      model: "m",
      sequence: 41,
    });
    const { id, model, status, error, object, created_at: createdAt, output } = response as Record<string, unknown>;
    assert.deepEqual(
      [sequence, id, model, status, error, object, createdAt, output],
      [42, "resp_9", "m", "failed", { code: "server_error", message: "Cut." }, "response", Math.floor(0x01936f2a1c00 / 1000), []],
    );
  });

  test("has an id of its own if nothing is known of the stream", () => {
    const { sequence_number: sequence, response } = failedOf(new GatewayError("upstream_truncated", "Cut."));
    assert.deepEqual([sequence, (response as { id: string }).id], [0, "resp_01936f2a-1c00-7000-8000-000000000001"]);
  });

  for (const [error, code] of [
    [new GatewayError("rate_limited", "x"), "rate_limit_exceeded"],
    [new GatewayError("upstream_error", "x", { upstreamCode: "server_is_overloaded", status: 503, kind: "overloaded" }), "server_error"],
    [new GatewayError("invalid_request", "x", { upstreamCode: "context_length_exceeded" }), "context_length_exceeded"],
    [new GatewayError("invalid_request", "x", { upstreamCode: "invalid_prompt" }), "invalid_prompt"],
  ] as const) {
    test(`has the code ${code} for ${error.upstreamCode ?? error.code}`, () => {
      assert.equal((failedOf(error)["response"] as { error: { code: string } }).error.code, code);
    });
  }

  test("is read as a failure by the vendor's SDK", async () => {
    const created = { id: "resp_9", object: "response", created_at: 1, status: "in_progress", model: "m", output: [] };
    const failed = openaiResponses.renderStreamError(new GatewayError("upstream_truncated", "Cut."), requestId, {
      jsonArray: false,
      facts: { id: "resp_9", sequence: 0 },
    });
    const body = `event: response.created\ndata: ${JSON.stringify({ type: "response.created", sequence_number: 0, response: created })}\n\n${failed}`;
    const openai = new OpenAI({
      apiKey: "k",
      baseURL: "http://gateway.test/v1",
      fetch: () => Promise.resolve(new Response(body, { headers: { "content-type": "text/event-stream" } })),
    });
    const response = await openai.responses.stream({ model: "m", input: "hi" }).finalResponse();
    assert.deepEqual([response.id, response.status, response.error?.message], ["resp_9", "failed", "Cut."]);
  });
});
