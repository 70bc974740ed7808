import assert from "node:assert/strict";
import { test } from "node:test";
import { protocols, type ParamTable } from "./index.ts";
import { refuse } from "./shared/losses.ts";
import { paramLabel, spellLoss, spellParam, spellRefusal } from "./param-names.ts";

const tables = Object.fromEntries([...protocols].map(([id, { params }]) => [id, params])) as Record<string, ParamTable>;

test("every dialect names a loss by its own field", () => {
  const spelled = (param: string): readonly string[] => Object.values(tables).map((table) => spellParam(param, table, {}));
  assert.deepEqual(spelled("stop"), ["stop", "stop", "stop_sequences", "generationConfig.stopSequences"]);
  assert.deepEqual(spelled("content[].citations"), [
    "messages[].content[].citations",
    "input[].content[].citations",
    "messages[].content[].citations",
    "contents[].parts[].citations",
  ]);
});

test("of several spellings the one in the request is used, in lists as well", () => {
  const chat = tables["openai-chat"]!;
  assert.equal(spellParam("maxOutputTokens", chat, { max_tokens: 1 }), "max_tokens");
  assert.equal(spellParam("maxOutputTokens", chat, { max_completion_tokens: null, max_tokens: 1 }), "max_tokens");
  assert.equal(spellParam("maxOutputTokens", chat, {}), "max_completion_tokens");
  assert.equal(spellParam("tools[].strict", chat, { functions: [{}, { strict: true }] }), "functions[].strict");
  assert.equal(spellParam("tools[].strict", chat, { tools: [{ function: { strict: true } }] }), "tools[].function.strict");
});

test("a field of the client's own keeps its name, and a reason is kept", () => {
  const loss = { param: "context_management", action: "dropped", reason: "None." } as const;
  assert.deepEqual(spellLoss(loss, tables["anthropic-messages"]!, {}), loss);
  assert.equal(spellParam("constructor", tables["openai-chat"]!, {}), "constructor");
});

test("a refusal names the client's field; any other error is unchanged", () => {
  const spelled = spellRefusal(refuse("responseFormat", "it has none."), tables["openai-responses"]!, {}) as ReturnType<typeof refuse>;
  assert.deepEqual(
    [spelled.status, spelled.param, spelled.message],
    [400, "text.format", '"text.format" cannot be served by the provider of this model: it has none.'],
  );
  const other = new Error("x");
  assert.equal(spellRefusal(other, tables["openai-chat"]!, {}), other);
});

test("a metric's label is a name of the dialect, or one label for all others", () => {
  const table = tables["anthropic-messages"]!;
  assert.deepEqual(
    ["stop_sequences", "output_format", "container", "messages[].content[].citations", "anything"].map((name) => paramLabel(name, table)),
    ["stop_sequences", "output_format", "container", "other", "other"],
  );
});
