import assert from "node:assert/strict";
import { test } from "node:test";
import { SseSplitter, applyEdits, asBytes } from "../../src/core/index.ts";
import {
  AnswerSealer,
  EventSealer,
  returnProofs,
  sealBlocks,
  withoutSeals,
  type ProofContent,
  type ProofOrigin,
} from "../../src/gateway/proofs/index.ts";
import { protocols, ServerQuirks, type RouteCall } from "../../src/protocols/index.ts";

// LiteLLM's `thinking_blocks` in Chat (docs.litellm.ai, "Reasoning content"): signed reasoning reaches Claude again, with a call and without one.
const chat = protocols.get("openai-chat")!;
const claude = protocols.get("anthropic-messages")!.upstream;
const origin: ProofOrigin = { provider: "anthropic", protocol: "anthropic-messages", family: "claude" };
const seal = (content: ProofContent): string => `tokligence01${Buffer.from(JSON.stringify(content)).toString("base64")}`;
const open = (sealed: string): ProofContent | undefined =>
  sealed.startsWith("tokligence01") ? (JSON.parse(Buffer.from(sealed.slice(12), "base64").toString()) as ProofContent) : undefined;

const thinking = { type: "thinking", thinking: "It rains.", signature: "EqoB" };
const redacted = { type: "redacted_thinking", data: "Emwk" };
const text = { type: "text", text: "Take a coat." };
const call = { type: "tool_use", id: "toolu_1", name: "wear", input: { what: "coat" } };
const client = { model: "m", includeUsage: false, jsonArray: false, request: { model: "m", stream: false, messages: [] } };
const route: RouteCall = {
  route: { method: "POST", path: "/v1/chat/completions", operation: "generate", stream: false },
  param: "",
  query: "",
};

type Message = Record<string, unknown>;
interface Answer {
  readonly message: Message;
  readonly sealer: AnswerSealer;
}

function answered(content: readonly object[]): Answer {
  const sealer = new AnswerSealer({ carrier: chat.proofs, origin, seal });
  const wire = { id: "msg_1", type: "message", role: "assistant", model: "m", content, stop_reason: "end_turn", usage: {} };
  const parsed = claude.parseResponse(JSON.stringify(wire));
  const answer = JSON.parse(chat.renderResponse({ ...parsed, content: sealBlocks(parsed.content, sealer) }, client)) as {
    readonly choices: readonly { readonly message: Message }[];
  };
  return { message: answer.choices[0]!.message, sealer };
}

/** The pieces of `thinking_blocks` in a stream of Claude's blocks. */
function streamed(content: readonly Message[]): readonly Message[] {
  const sealer = new EventSealer(new AnswerSealer({ carrier: chat.proofs, origin, seal }));
  const encoder = chat.createStreamEncoder(client);
  const decoder = claude.createStreamDecoder();
  const blocks = content.flatMap((block, index) => {
    const start = block["type"] === "thinking" ? { type: "thinking", thinking: "", signature: "" } : block;
    const halves = block["type"] === "thinking" ? [String(block["thinking"]).slice(0, 3), String(block["thinking"]).slice(3)] : [];
    return [
      { type: "content_block_start", index, content_block: start },
      ...halves.map((thinking) => ({ type: "content_block_delta", index, delta: { type: "thinking_delta", thinking } })),
      ...(halves.length === 0
        ? []
        : [{ type: "content_block_delta", index, delta: { type: "signature_delta", signature: block["signature"] } }]),
      { type: "content_block_stop", index },
    ];
  });
  const events = [
    { type: "message_start", message: { id: "msg_1", model: "m", usage: {} } },
    ...blocks,
    { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 1 } },
    { type: "message_stop" },
  ];
  const wire = events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");
  const out = new SseSplitter()
    .push(asBytes(wire))
    .flatMap((event) => decoder.push(event))
    .flatMap((event) => sealer.push(event))
    .map((event) => encoder.push(event))
    .join("");
  return [...out.matchAll(/"thinking_blocks":(\[.*?\])/g)].flatMap(([, found]) => JSON.parse(found!) as Message[]);
}

/** What LiteLLM's client makes of them (litellm 1.110.2, streaming_chunk_builder_utils.py, `get_combined_thinking_content`): texts up to a signature are one block. */
function joinedByLiteLlm(pieces: readonly Message[]): readonly Message[] {
  const joined: Message[] = [];
  let said = "";
  for (const { type, data, thinking: piece, signature } of pieces) {
    if (type === "redacted_thinking") joined.push({ type, data });
    else said += typeof piece === "string" ? piece : "";
    if (typeof signature !== "string" || signature === "") continue;
    joined.push({ type: "thinking", thinking: said, signature });
    said = "";
  }
  return joined;
}

/** What Claude gets of the assistant's turn. */
function returned({ message, sealer }: Answer, isKept: boolean): unknown {
  const calls = (message["tool_calls"] as readonly { readonly id: string }[] | undefined) ?? [];
  const results = calls.map(({ id }) => ({ role: "tool", tool_call_id: id, content: "Done." }));
  const messages = [{ role: "user", content: "Hi" }, message, ...results, { role: "user", content: "And now?" }];
  const request = chat.parseRequest({ model: "m", messages, reasoning_effort: "high" }, route);
  const kept = new Map(isKept ? sealer.kept.map(({ callId, sealed }) => [callId, sealed]) : []);
  const proofs = returnProofs(request, { carrier: chat.proofs, upstreamSignsCalls: false, origin, open, kept });
  const target = { model: "claude-opus-4-8", stream: false, quirks: new ServerQuirks({}).of("claude-opus-4-8") };
  const body = JSON.parse(claude.renderRequest(proofs.request, target).value) as { readonly messages: readonly Message[] };
  return body.messages.find(({ role }) => role === "assistant")?.["content"];
}

test("a client that carries thinking_blocks gives Claude its signed reasoning back, once", () => {
  const plain = answered([thinking, redacted, text]);
  const withCall = answered([thinking, redacted, text, call]);
  const claudes = [thinking, redacted, text];
  assert.deepEqual(
    [returned(plain, false), returned(withCall, false), returned(withCall, true)],
    [claudes, [...claudes, call], [...claudes, call]],
  );
});

test("a stream's pieces are joined by LiteLLM's client to the blocks of an answer without a stream", () => {
  const content = [thinking, redacted, { ...thinking, thinking: "Take it.", signature: "EqoC" }];
  assert.deepEqual(joinedByLiteLlm(streamed(content)), answered(content).message["thinking_blocks"]);
});

test("a block that somebody else signed goes to nobody as signed", () => {
  const message = { role: "assistant", content: "Take a coat.", thinking_blocks: [thinking] };
  const sealer = new AnswerSealer({ carrier: chat.proofs, origin, seal });
  assert.doesNotMatch(JSON.stringify(returned({ message, sealer }, false)), /EqoB/);
});

test("a server of Chat gets no sealed blocks", () => {
  const { message } = answered([thinking, text]);
  const { thinking_blocks: _, ...rest } = message;
  const body = asBytes(JSON.stringify({ model: "m", messages: [message, { role: "user", content: "And now?" }] }));
  assert.deepEqual(JSON.parse(applyEdits(body, withoutSeals(body, chat.proofs))), {
    model: "m",
    messages: [rest, { role: "user", content: "And now?" }],
  });
});

test("a server that has thinking_blocks itself gets them back as they came", () => {
  const decoder = chat.upstream.createStreamDecoder();
  const pieces = [
    { reasoning_content: "It ", thinking_blocks: [{ type: "thinking", thinking: "It ", signature: null }] },
    { reasoning_content: "rains.", thinking_blocks: [{ type: "thinking", thinking: "rains.", signature: null }] },
    { thinking_blocks: [{ type: "thinking", thinking: "", signature: "EqoB" }] },
    { thinking_blocks: [redacted] },
  ];
  const wire = pieces.map((delta) => `data: ${JSON.stringify({ id: "c", model: "m", choices: [{ index: 0, delta }] })}\n\n`);
  wire.push(`data: ${JSON.stringify({ id: "c", model: "m", choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })}\n\n`);
  const events = new SseSplitter().push(asBytes(`${wire.join("")}data: [DONE]\n\n`)).flatMap((event) => decoder.push(event));
  const proofs = events.flatMap((event) => (event.type === "block-delta" && event.delta.type === "proof" ? [event.delta.proof] : []));
  assert.deepEqual(
    proofs.map(({ kind, data }) => [kind, JSON.parse(data)]),
    [["encrypted", { details: [thinking, redacted] }]],
  );
  const content = [{ type: "reasoning", text: "It rains.", proof: proofs[0]! } as const, { type: "text", text: "Take a coat." } as const];
  const request = { model: "m", stream: false, messages: [{ role: "assistant", content }] } as const;
  const target = { model: "m", stream: false, quirks: new ServerQuirks({}).of("m") };
  const body = JSON.parse(chat.upstream.renderRequest(request, target).value) as { readonly messages: readonly Message[] };
  assert.deepEqual(body.messages[0], { role: "assistant", thinking_blocks: [thinking, redacted], content: "Take a coat." });
});
