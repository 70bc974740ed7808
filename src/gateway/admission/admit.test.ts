import assert from "node:assert/strict";
import { test } from "node:test";
import { GlobList } from "../../core/index.ts";
import type { KnownResponse } from "../../store/index.ts";
import { FakeExchange, fakeCall, fakeWorld, principal, routeOf } from "../testing.ts";
import { createModelCall, type ModelCall } from "../model-call.ts";
import { protocols } from "../../protocols/index.ts";
import { admit } from "./admit.ts";
import { receive } from "./receive.ts";

const body = '{"model":"gpt-5","messages":[]}';

test("a body is received in its parts, with its envelope and tags", async () => {
  const call = fakeCall(fakeWorld(), new FakeExchange(body, ["X-Tokligence-Tags", "team:search", "x-tokligence-tags", "release/7"]));
  await receive(call);
  const { model, text, parts, tags, envelope } = call.request;
  assert.deepEqual([model, text, parts.length, tags, envelope.stream], ["gpt-5", body, 2, '["team:search","release/7"]', false]);
});

test("tags that an admin bound come first, and a client's own replace none of them", async () => {
  const bound = { ...principal, boundTags: ["team:search", "b"] };
  const tagsOf = async (...headers: string[]): Promise<string | undefined> => {
    const call = createModelCall(fakeWorld().deps, new FakeExchange(body, headers), {
      principal: bound,
      protocol: protocols.get("openai-chat")!,
      route: routeOf("openai-chat", "generate"),
    });
    await receive(call);
    return call.request.tags;
  };
  assert.deepEqual(
    [
      await tagsOf(),
      await tagsOf("x-tokligence-tags", "own,b,team:other"),
      await tagsOf("x-tokligence-tags", " , "),
      await tagsOf("x-tokligence-tags", "1,2,3,4,5,6,7,8"),
    ],
    [
      '["team:search","b"]',
      '["team:search","b","own","team:other"]',
      '["team:search","b"]',
      '["team:search","b","1","2","3","4","5","6","7","8"]',
    ],
  );
});

test("what cannot be received is refused, and what is known of it by then is kept for its entry", async () => {
  const cases: readonly (readonly [FakeExchange, object, string])[] = [
    [new FakeExchange(body, ["x-tokligence-tags", "no spaces, please: x y"]), { code: "invalid_request" }, ""],
    [new FakeExchange("<html>"), { code: "invalid_json" }, ""],
    [new FakeExchange('{"messages":[]}'), { code: "invalid_request", param: "model" }, ""],
    // The model that can be read, and not one in a text.
    [new FakeExchange('{"model":"gpt-5","messages":['), { code: "invalid_json" }, "gpt-5"],
    [new FakeExchange('{"messages":[{"content":"{\\"model\\":\\"x\\"}"'), { code: "invalid_json" }, ""],
    [new FakeExchange(`{"model":"tok_${"a".repeat(43)}",`), { code: "invalid_json" }, ""],
    [new FakeExchange(`{"model":"tok_${"a".repeat(43)}"}`), { code: "model_not_found" }, ""],
  ];
  for (const [exchange, error, model] of cases) {
    const call = fakeCall(fakeWorld(), exchange);
    await assert.rejects(async () => receive(call), error);
    assert.equal(call.request.model, model);
  }
  // A path names it, whatever the body is.
  const call = fakeCall(fakeWorld(), new FakeExchange("<html>"), routeOf("gemini-generate", "generate", "gemini-3-flash"));
  await assert.rejects(async () => receive(call), { code: "invalid_json" });
  assert.equal(call.request.model, "gemini-3-flash");
});

function known(more: Partial<KnownResponse> = {}): KnownResponse {
  return {
    id: "resp_1",
    userId: "u1",
    provider: "openai",
    providerKey: "openai#1",
    model: "gpt-5",
    isStored: false,
    unbilled: false,
    ...more,
  };
}

test("a call on a stored response has its model from there, and another user's does not exist", async () => {
  for (const operation of ["get-response", "cancel-response", "list-input-items"] as const) {
    const find = (): Promise<KnownResponse> => Promise.resolve(known());
    const call = fakeCall(
      fakeWorld({ responses: { find } as never }),
      new FakeExchange("no body is read"),
      routeOf("openai-responses", operation, "resp_1"),
    );
    await receive(call);
    assert.deepEqual([call.request.model, call.request.text, call.stored?.id], ["gpt-5", "", "resp_1"]);
  }
  for (const found of [known({ userId: "u2" }), undefined]) {
    const find = (): Promise<KnownResponse | undefined> => Promise.resolve(found);
    const call = fakeCall(
      fakeWorld({ responses: { find } as never }),
      new FakeExchange(""),
      routeOf("openai-responses", "get-response", "resp_1"),
    );
    await assert.rejects(receive(call), { code: "response_not_found", status: 404 });
  }
});

async function received(world = fakeWorld(), models?: string[]): Promise<ModelCall> {
  const client = models === undefined ? principal : { ...principal, modelLists: [new GlobList(models)] };
  const call = createModelCall(world.deps, new FakeExchange(body), {
    principal: client,
    protocol: protocols.get("openai-chat")!,
    route: routeOf("openai-chat", "generate"),
  });
  await receive(call);
  return call;
}

test("a key may call the models of its list alone", async () => {
  for (const models of [undefined, ["gpt-*"], ["openai/gpt-5"]]) admit(await received(fakeWorld(), models));
  for (const models of [["claude-*"], ["gpt-*", "!gpt-5"]]) {
    const call = await received(fakeWorld(), models);
    assert.throws(() => admit(call), { code: "model_not_allowed", status: 403, param: "model" });
  }
});

test("nothing is admitted while the database or the ledger cannot be used", async () => {
  const away = await received(fakeWorld({ databaseProblem: () => "its file is another one" }));
  assert.throws(() => admit(away), { code: "database_unavailable", retryAfterSeconds: 5 });
  const world = fakeWorld();
  const full = await received(fakeWorld({ ledger: { ...world.deps.ledger, healthy: () => false } }));
  assert.throws(() => admit(full), { code: "ledger_unavailable", retryAfterSeconds: 5 });
});
