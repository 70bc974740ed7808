import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { sendRaw } from "../e2e/raw-http.ts";
import type { Bench } from "./bench.ts";
import { models, startBench } from "./bench.ts";

let bench: Bench;
before(async () => {
  bench = await startBench();
});
after(() => bench.stop());

/** Numbers that a parser would change; the text outside ASCII shows that bytes are decoded once. */
const object = '{"id":1234567890123456789,"x":1.0,"list":[-0,2.50,1E5],"é":"1.0"}';

const anthropic = (model: string): string => `{"model":"${model}","max_tokens":64,"temperature":1.0,"messages":[
  {"role":"user","content":"go"},
  {"role":"assistant","content":[{"type":"tool_use","id":"call_1","name":"f","input":${object}}]},
  {"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1","content":"done"}]}],
  "tools":[{"name":"f","input_schema":{"type":"object"}}]}`;

const gemini = `{"contents":[
  {"role":"user","parts":[{"text":"go"}]},
  {"role":"model","parts":[{"functionCall":{"id":"call_1","name":"f","args":${object}}}]},
  {"role":"user","parts":[{"functionResponse":{"id":"call_1","name":"f","response":${object}}}]}],
  "generationConfig":{"temperature":1.0},
  "tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":"OBJECT"}}]}]}`;

/** What the upstream was sent. */
async function sent(path: string, body: string): Promise<string> {
  bench.mock.reset();
  bench.mock.enqueue({ text: ["ok"] });
  const headers = ["authorization", `Bearer ${bench.caller.key}`, "content-type", "application/json"];
  const reply = await sendRaw(bench.gateway.url, { path, headers, body });
  assert.equal(reply.status, 200, reply.body.toString());
  return bench.mock.requests[0]!.body.toString();
}

interface ChatBody {
  readonly temperature: number;
  readonly messages: readonly {
    readonly content: string;
    readonly tool_calls?: readonly { readonly function: { readonly arguments: string } }[];
  }[];
}

test("Anthropic to Chat: the numbers of a call's input arrive as they were written", async () => {
  const { messages, temperature } = JSON.parse(await sent("/v1/messages", anthropic(models["openai-chat"]))) as ChatBody;
  assert.equal(messages[1]!.tool_calls![0]!.function.arguments, object);
  assert.equal(temperature, 1);
});

test("Gemini to Chat: the numbers of a call's arguments and of its result arrive as they were written", async () => {
  const { messages, temperature } = JSON.parse(await sent(`/v1beta/models/${models["openai-chat"]}:generateContent`, gemini)) as ChatBody;
  assert.equal(messages[1]!.tool_calls![0]!.function.arguments, object);
  assert.equal(messages[2]!.content, object);
  assert.equal(temperature, 1);
});

test("Anthropic to Gemini, and Gemini to Anthropic: objects arrive with their numbers", async () => {
  const contents = await sent("/v1/messages", anthropic(models["gemini-generate"]));
  assert.ok(contents.includes(`"args":${object}`), contents);
  const messages = await sent(`/v1beta/models/${models["anthropic-messages"]}:generateContent`, gemini);
  assert.ok(messages.includes(`"input":${object}`), messages);
  assert.ok(messages.includes(JSON.stringify(object)), messages);
});
