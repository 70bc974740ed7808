import assert from "node:assert/strict";
import { describe, test } from "node:test";
import OpenAI from "openai";
import { GatewayError } from "../../core/index.ts";
import { parseModelList, renderModel, renderModelList } from "./models.ts";

const models = [
  { id: "gpt-5.5", provider: "openai", createdAt: 7 },
  { id: "a/b", provider: "local", createdAt: 0 },
];
const wire = [
  { id: "gpt-5.5", object: "model", created: 7, owned_by: "openai" },
  { id: "a/b", object: "model", created: 0, owned_by: "local" },
];

describe("models for an OpenAI client", () => {
  test("are a list that the vendor's SDK reads, and that is read back", async () => {
    const body = renderModelList(models);
    assert.deepEqual(JSON.parse(body), { object: "list", data: wire });
    assert.deepEqual(parseModelList(JSON.parse(body)), ["gpt-5.5", "a/b"]);
    const openai = new OpenAI({
      apiKey: "k",
      baseURL: "http://gateway.test/v1",
      fetch: () => Promise.resolve(new Response(body, { headers: { "content-type": "application/json" } })),
    });
    const names: string[] = [];
    for await (const model of openai.models.list()) names.push(model.id);
    assert.deepEqual(names, ["gpt-5.5", "a/b"]);
  });

  test("are one object each", () => {
    assert.deepEqual(JSON.parse(renderModel(models[1]!)), wire[1]);
  });

  test("are read from a bare array, without the models that have no name", () => {
    assert.deepEqual(parseModelList([{ id: "a" }, { id: "" }, { name: "b" }, null, "c"]), ["a"]);
  });

  test("are refused if there is no list", () => {
    for (const answer of [{}, null, "x", { data: {} }]) {
      assert.throws(
        () => parseModelList(answer),
        (error: unknown) => error instanceof GatewayError && error.code === "upstream_invalid_response",
      );
    }
  });
});
