import assert from "node:assert/strict";
import { test } from "node:test";
import type { Block, ChatRequest, ProtocolId, ReasoningProof } from "../../ir/index.ts";
import { claude, gemini, open, seal } from "./testing.ts";
import { modelFamily, originOf, type ProofOrigin } from "./proof-content.ts";
import { callsToFind, returnProofs } from "./return-proofs.ts";
import { protocols } from "../../protocols/index.ts";

const signature = (data: string, protocol: ProtocolId = "anthropic-messages"): ReasoningProof => ({ protocol, kind: "signature", data });
const reasoning = (text: string, proof?: ReasoningProof): Block => ({ type: "reasoning", text, ...(proof === undefined ? {} : { proof }) });
const call = (id: string, proof?: ReasoningProof): Block => ({
  type: "tool-call",
  id,
  name: "f",
  kind: "function",
  arguments: "{}",
  ...(proof === undefined ? {} : { proof }),
});
const text: Block = { type: "text", text: "hm" };
const thought = { type: "reasoning", text: "why", proof: signature("SIG") } as const;

const carrierOf = (id: ProtocolId) => protocols.get(id)!.proofs;

function requestOf(content: readonly Block[]): ChatRequest {
  return { model: "m", stream: false, messages: [{ role: "assistant", content }] };
}

function returned(
  content: readonly Block[],
  dialect: ProtocolId,
  origin: ProofOrigin,
  kept: Readonly<Record<string, string>> = {},
): object {
  const { request, losses } = returnProofs(requestOf(content), {
    carrier: carrierOf(dialect),
    upstreamSignsCalls: carrierOf(origin.protocol).signsCalls,
    origin,
    open,
    kept: new Map(Object.entries(kept)),
  });
  return { content: request.messages[0]!.content, lost: losses.map(({ param }) => param) };
}

const inBlock = (origin: ProofOrigin) => reasoning("", signature(seal({ origin, reasoning: [thought] })));

test("reasoning comes back with its text, to where it was made", () => {
  assert.deepEqual(returned([inBlock(claude), text], "openai-responses", claude), { content: [thought, text], lost: [] });
});

test("another provider, protocol or family of models gets only the text, and the loss is reported", () => {
  for (const origin of [
    { ...claude, provider: "bedrock" },
    { ...claude, protocol: "openai-chat" as const },
    { ...claude, family: "gemini" },
  ]) {
    assert.deepEqual(returned([inBlock(claude)], "openai-responses", origin), { content: [reasoning("why")], lost: ["signature"] });
  }
});

test("a signature that is not our seal is dropped and reported; the text that the client shows stays", () => {
  assert.deepEqual(returned([reasoning("shown", signature("EqoB"))], "anthropic-messages", gemini), {
    content: [reasoning("shown")],
    lost: ["signature"],
  });
  assert.deepEqual(returned([reasoning("", signature("EqoB")), text], "anthropic-messages", gemini), {
    content: [text],
    lost: ["signature"],
  });
  assert.deepEqual(returned([call("c1", signature("CiQB", "gemini-generate"))], "openai-chat", gemini), {
    content: [call("c1")],
    lost: ["signature"],
  });
});

test("a seal without a proof says nothing, and nothing is lost", () => {
  const mark = reasoning("shown", signature(seal({ origin: claude, reasoning: [{ type: "reasoning", text: "" }] })));
  assert.deepEqual(returned([mark], "anthropic-messages", gemini), { content: [reasoning("shown")], lost: [] });
});

test("of Google's models nothing comes back but what they signed, and nothing is lost with the rest", () => {
  const sealed = (...blocks: readonly (typeof thought | { type: "reasoning"; text: string })[]): Block =>
    reasoning("shown", signature(seal({ origin: gemini, reasoning: blocks })));
  const unsigned = { type: "reasoning", text: "why" } as const;
  assert.deepEqual(returned([sealed(unsigned), text], "anthropic-messages", gemini), { content: [text], lost: [] });
  assert.deepEqual(returned([sealed(unsigned, thought), text], "anthropic-messages", gemini), { content: [thought, text], lost: [] });
  assert.deepEqual(returned([sealed(unsigned), text], "anthropic-messages", claude), { content: [unsigned, text], lost: [] });
});

test("reasoning that a call carries stands where its step began, in place of what the client shows of it", () => {
  const carried = (id: string, origin = claude) => call(id, signature(seal({ origin, reasoning: [thought] }), "gemini-generate"));
  assert.deepEqual(returned([reasoning("why"), text, carried("c1"), carried("c2")], "gemini-generate", claude), {
    content: [thought, text, call("c1"), thought, call("c2")],
    lost: [],
  });
  const last = reasoning("", signature(seal({ origin: claude, reasoning: [thought] }), "gemini-generate"));
  assert.deepEqual(returned([carried("c1"), reasoning("why"), text, last], "gemini-generate", claude), {
    content: [thought, call("c1"), thought, text],
    lost: [],
  });
});

test("what was kept beside a call comes back, unless the client gives it itself", () => {
  const own = signature("CiQB", "gemini-generate");
  const kept = seal({ origin: gemini, reasoning: [], call: own });
  assert.deepEqual(returned([call("c1"), call("c2")], "anthropic-messages", gemini, { c1: kept }), {
    content: [call("c1", own), call("c2")],
    lost: [],
  });
  const given = call("c1", signature(seal({ origin: gemini, reasoning: [], call: signature("other") })));
  assert.deepEqual(returned([given], "openai-chat", gemini, { c1: kept }), { content: [call("c1", signature("other"))], lost: [] });
  assert.deepEqual(returned([call("c1")], "openai-chat", claude, { c1: kept }), { content: [call("c1")], lost: ["signature"] });
});

test("only where a client can't carry a proof it is looked for, and only where it is of use", () => {
  const request = requestOf([call("c1"), call("c2", signature(seal({ origin: gemini, reasoning: [] })))]);
  const chatGemini = { ...gemini, protocol: "openai-chat" as const };
  const asked = (dialect: ProtocolId, origin: ProofOrigin) =>
    callsToFind(request, carrierOf(dialect), { upstreamSignsCalls: carrierOf(origin.protocol).signsCalls, family: origin.family });
  assert.deepEqual([asked("openai-chat", claude), asked("openai-chat", gemini)], [["c1"], ["c1"]]);
  assert.deepEqual([asked("anthropic-messages", gemini), asked("openai-responses", chatGemini)], [["c1"], ["c1"]]);
  assert.deepEqual([asked("gemini-generate", claude), asked("openai-responses", claude)], [[], []]);
});

test("the origin is the provider, the protocol and what the model's name begins with", () => {
  const attempt = { provider: { name: "openrouter" }, protocol: "openai-chat" as const, upstreamModel: "google/Gemini-3-flash" };
  assert.deepEqual(originOf(attempt), { provider: "openrouter", protocol: "openai-chat", family: "gemini" });
  assert.deepEqual(["gpt-5.5", "o4-mini", "claude", "123", "a/b/qwen3:4b"].map(modelFamily), ["gpt", "o", "claude", "", "qwen"]);
});
