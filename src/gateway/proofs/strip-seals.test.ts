import assert from "node:assert/strict";
import { test } from "node:test";
import { applyEdits, latin1OfUtf8, utf8OfLatin1 } from "../../core/index.ts";
import type { ProtocolId } from "../../ir/index.ts";
import { withoutSeals } from "./strip-seals.ts";
import { protocols } from "../../protocols/index.ts";

const sealed = "tokligence01AAAB";

/** The body as it goes out; `body` is text, so that its spacing and numbers are seen to stay. */
function stripped(protocol: ProtocolId, body: string): string {
  const latin1 = latin1OfUtf8(body);
  return utf8OfLatin1(applyEdits(latin1, withoutSeals(latin1, protocols.get(protocol)!.proofs)));
}

const thinking = (signature: string) => `{"type":"thinking","thinking":"é","signature":"${signature}"}`;

test("a body without seals, or with the mark in a text, stays as it is", () => {
  for (const protocol of ["openai-chat", "openai-responses", "anthropic-messages", "gemini-generate"] as const) {
    assert.deepEqual(withoutSeals('{"messages":[]}', protocols.get(protocol)!.proofs), []);
    const quoted = `{"messages":[{"role":"user","content":"${sealed}"}],"input":"${sealed}","contents":[{"parts":[{"text":"${sealed}"}]}]}`;
    assert.deepEqual(withoutSeals(quoted, protocols.get(protocol)!.proofs), []);
  }
});

test("Anthropic: sealed thinking goes, alone, first, between and last; the vendor's own stays", () => {
  const text = '{ "type":"text", "text":"東" }';
  const body = (content: string) =>
    `{"n": 1.0, "messages":[{"role":"user","content":"q"}, {"role":"assistant","content":${content}}, {"role":"user","content":"é"}]}`;
  const cases: readonly (readonly [before: string, after: string])[] = [
    [`[${thinking(sealed)}, ${text}]`, `[${text}]`],
    [`[${text}, ${thinking(sealed)}]`, `[${text}]`],
    [`[${text}, ${thinking(sealed)} , ${thinking(sealed)}, ${text}]`, `[${text}, ${text}]`],
    [`[${thinking("EqoB")}, ${thinking(sealed)}, ${text}]`, `[${thinking("EqoB")}, ${text}]`],
    [`[${thinking(sealed)}, ${thinking(sealed)}, ${text}, ${thinking(sealed)}]`, `[${text}]`],
  ];
  for (const [before, after] of cases) assert.equal(stripped("anthropic-messages", body(before)), body(after));
  assert.equal(
    stripped("anthropic-messages", body(`[${thinking(sealed)}, ${thinking(sealed)}]`)),
    '{"n": 1.0, "messages":[{"role":"user","content":"q"}, {"role":"user","content":"é"}]}',
  );
});

test("Anthropic: within a turn whose calls are no longer signed, a budget for thinking is off", () => {
  const use = '{"type":"tool_use","id":"a","name":"f","input":{"big":12345678901234567890}}';
  const result = '{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"x"}]}';
  const question = '{"role":"user","content":"q"}';
  const body = (type: string, block: string, ...after: string[]) =>
    `{"thinking":{"type":"${type}"},"messages":[${[question, `{"role":"assistant","content":[${block}${use}]}`, ...after].join(",")}]}`;
  const with_ = `${thinking(sealed)},`;
  assert.equal(stripped("anthropic-messages", body("enabled", with_, result)), body("disabled", "", result));
  assert.equal(stripped("anthropic-messages", body("adaptive", with_, result)), body("adaptive", "", result));
  assert.equal(stripped("anthropic-messages", body("enabled", with_, result, question)), body("enabled", "", result, question));
});

test("Anthropic: where thinking is off, rules for clearing it go, and others stay", () => {
  const body = (type: string, block: string, ...rules: string[]) =>
    `{"context_management":{"edits":[${rules.join(",")}]},"messages":[{"role":"assistant","content":[${block}{"type":"tool_use","id":"a"}]}],"thinking":{"type":"${type}"}}`;
  const clear = '{"type":"clear_thinking_20251015","keep":"all"}';
  const other = '{"type":"clear_tool_uses_20250919"}';
  const sealedBlock = `${thinking(sealed)},`;
  assert.equal(stripped("anthropic-messages", body("enabled", sealedBlock, clear, other)), body("disabled", "", other));
  assert.equal(stripped("anthropic-messages", body("adaptive", sealedBlock, clear, other)), body("adaptive", "", clear, other));
});

test("Responses: sealed reasoning items go", () => {
  const item = (content: string) => `{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"${content}"}`;
  const body = (...items: string[]) => `{"input":[${items.join(", ")}],"store":false}`;
  const said = '{"type":"message","role":"user","content":"hi"}';
  assert.equal(stripped("openai-responses", body(said, item(sealed), item("gAAA"), item(sealed))), body(said, item("gAAA")));
});

test("Gemini: a call says that nobody signed it; any other part loses its signature, and goes where it holds nothing else", () => {
  const body = (...parts: string[]) => `{"contents":[{"role":"model","parts":[${parts.join(",")}]}]}`;
  const call = (signature: string) => `{"functionCall":{"name":"f","args":{"n":1.0}},"thoughtSignature":"${signature}"}`;
  const text = (value: string) => `{"text":"${value}","thoughtSignature":"${sealed}"}`;
  assert.equal(
    stripped("gemini-generate", body(call(sealed), call("CiQB"), text("東"), text(""))),
    body(call("skip_thought_signature_validator"), call("CiQB"), '{"text":"東"}'),
  );
});

test("Chat: the field of a call goes", () => {
  const body = (call: string) => `{"messages":[{"role":"assistant","content":null,"tool_calls":[${call}]}]}`;
  const call = (extra: string) => `{"id":"a","type":"function","function":{"name":"f","arguments":"{\\"n\\": 1.0}"}${extra}}`;
  const extra = (signature: string) => `,"extra_content":{"google":{"thought_signature":"${signature}"}}`;
  assert.equal(stripped("openai-chat", body(call(extra(sealed)))), body(call("")));
  assert.equal(stripped("openai-chat", body(`${call(extra(sealed))},${call(extra("CiQB"))}`)), body(`${call("")},${call(extra("CiQB"))}`));
});
