import assert from "node:assert/strict";
import { test } from "node:test";
import { applyEdits, GatewayError, latin1OfUtf8, utf8OfLatin1, asBytes } from "../../core/index.ts";
import type { ProtocolId } from "../../ir/index.ts";
import { protocolIds } from "../../ir/index.ts";
import { protocols } from "../../protocols/index.ts";
import { guardToolCalls, type DuplicateGuard, type Guarded } from "./guard-tool-calls.ts";

const guard: DuplicateGuard = { enabled: true, noteAt: 3, warnAt: 5, exempt: new Set(["wait"]) };

/** A call and its result in no dialect's words. */
interface Step {
  readonly name?: string;
  /** JSON text. */
  readonly args?: string;
  readonly result?: string;
}

type Wire = Readonly<Record<string, unknown>>;

/** The elements of a conversation that a step is in each dialect; `n` makes its ids. */
const steps: Readonly<Record<ProtocolId, (step: Required<Step>, n: number) => readonly Wire[]>> = {
  "openai-chat": ({ name, args, result }, n) => [
    { role: "assistant", content: null, tool_calls: [{ id: `c${n}`, type: "function", function: { name, arguments: args } }] },
    { role: "tool", tool_call_id: `c${n}`, content: result },
  ],
  "openai-responses": ({ name, args, result }, n) => [
    { type: "reasoning", summary: [], encrypted_content: `r${n}` },
    { type: "function_call", call_id: `c${n}`, name, arguments: args },
    { type: "function_call_output", call_id: `c${n}`, output: result },
  ],
  "anthropic-messages": ({ name, args, result }, n) => [
    { role: "assistant", content: [{ type: "tool_use", id: `c${n}`, name, input: JSON.parse(args) as Wire }] },
    {
      role: "user",
      content: [
        { type: "tool_result", tool_use_id: `c${n}`, content: result },
        { type: "text", text: "<system-reminder>Be brief.</system-reminder>" },
      ],
    },
  ],
  "gemini-generate": ({ name, args, result }) => [
    { role: "model", parts: [{ functionCall: { name, args: JSON.parse(args) as Wire } }] },
    { role: "user", parts: [{ functionResponse: { name, response: { output: result } } }] },
  ],
};

const keys = { "openai-chat": "messages", "openai-responses": "input", "anthropic-messages": "messages", "gemini-generate": "contents" };
const question = (dialect: ProtocolId): Wire =>
  dialect === "gemini-generate" ? { role: "user", parts: [{ text: "go é" }] } : { role: "user", content: "go é" };

function bodyOf(dialect: ProtocolId, elements: readonly Wire[]): string {
  return latin1OfUtf8(JSON.stringify({ model: "m", [keys[dialect]]: elements, top: 1 }));
}

function conversation(dialect: ProtocolId, ...taken: readonly (Step | "user")[]): string {
  const elements = taken.flatMap((step, n) =>
    step === "user" ? [question(dialect)] : steps[dialect]({ name: "read", args: '{"a":1,"b":[2]}', result: "no such file ü", ...step }, n),
  );
  return bodyOf(dialect, [question(dialect), ...elements]);
}

function watch(dialect: ProtocolId, body: string, changed: Partial<DuplicateGuard> = {}): Guarded | undefined {
  const protocol = protocols.get(dialect)!;
  const route = protocol.routes.find(({ operation }) => operation === "generate")!;
  return guardToolCalls(body, protocol, { route, param: "m", query: "" }, { ...guard, ...changed });
}

const times = (count: number, step: Step = {}): Step[] => Array.from({ length: count }, () => step);
const noted = /^no such file ü\n\n\[Note from the gateway: read has now been called 3 times in a row .*\]$/;

for (const dialect of protocolIds) {
  test(`${dialect}: at the threshold the last result says so, further on in stronger words, and nothing else changes`, () => {
    assert.equal(watch(dialect, conversation(dialect, ...times(2))), undefined);
    for (const count of [3, 4, 5, 30]) {
      const body = conversation(dialect, ...times(count));
      const found = watch(dialect, body)!;
      assert.deepEqual([found.tool, found.count >= Math.min(count, 5), found.edits.length], ["read", true, 1]);
      const after = utf8OfLatin1(applyEdits(body, found.edits));
      const note = /\\n\\n\[Note from the gateway: [^\]]*\]/.exec(after)![0];
      assert.equal(note.includes("STOP"), count >= 5);
      assert.equal(after.replace(note, ""), utf8OfLatin1(asBytes(body)));
      assert.equal(after.lastIndexOf("no such file ü"), after.indexOf(note) - "no such file ü".length);
    }
  });

  test(`${dialect}: another argument, another result, another tool or the user's word breaks the row; the order of keys does not`, () => {
    const others: readonly (Step | "user")[] = [{ args: '{"a":1,"b":[3]}' }, { result: "x" }, { name: "list" }, "user"];
    for (const other of others) assert.equal(watch(dialect, conversation(dialect, ...times(3), other, ...times(2))), undefined);
    assert.equal(watch(dialect, conversation(dialect, ...times(2), { args: ' {"b": [2], "a": 1}' }))?.count, 3);
    assert.equal(watch(dialect, conversation(dialect, ...times(4), "user")), undefined);
  });

  test(`${dialect}: exempt tools, a guard that is off, and bodies that no one can read`, () => {
    assert.equal(watch(dialect, conversation(dialect, ...times(6, { name: "wait" }))), undefined);
    assert.equal(watch(dialect, conversation(dialect, ...times(6)), { enabled: false }), undefined);
    assert.equal(watch(dialect, bodyOf(dialect, [])), undefined);
    const broken = [7, ...steps[dialect]({ name: "read", args: "{}", result: "x" }, 1)] as unknown as Wire[];
    assert.equal(watch(dialect, bodyOf(dialect, broken)), undefined);
  });

  test(`${dialect}: refused from refuse_at on, and not before`, () => {
    assert.equal(watch(dialect, conversation(dialect, ...times(7)), { refuseAt: 8 })?.count, 7);
    assert.throws(
      () => watch(dialect, conversation(dialect, ...times(8)), { refuseAt: 8 }),
      (error) =>
        error instanceof GatewayError && error.code === "duplicate_tool_call" && error.status === 400 && error.message.includes("8 times"),
    );
  });
}

test("a result in parts gets the note as a part, one in fields as a field, one without a place none", () => {
  const withResult = (dialect: ProtocolId, last: Wire): string => {
    const elements = [0, 1, 2].flatMap((n) => [
      ...steps[dialect]({ name: "read", args: "{}", result: "" }, n).slice(0, -1),
      JSON.parse(JSON.stringify(last).replaceAll("ID", `c${n}`)) as Wire,
    ]);
    const body = bodyOf(dialect, elements);
    return utf8OfLatin1(applyEdits(body, watch(dialect, body)!.edits)).replace(/\[Note[^\]]*\]/, "NOTE");
  };
  const cases: readonly (readonly [dialect: ProtocolId, result: Wire, after: string])[] = [
    [
      "openai-chat",
      { role: "tool", tool_call_id: "ID", content: [{ type: "text", text: "x" }] },
      '[{"type":"text","text":"x"},{"type":"text","text":"NOTE"}]',
    ],
    ["openai-responses", { type: "function_call_output", call_id: "ID", output: [] }, '"output":[{"type":"input_text","text":"NOTE"}]'],
    [
      "anthropic-messages",
      { role: "user", content: [{ type: "tool_result", tool_use_id: "ID", content: [] }] },
      '"content":[{"type":"text","text":"NOTE"}]',
    ],
    [
      "anthropic-messages",
      { role: "user", content: [{ type: "tool_result", tool_use_id: "ID" }] },
      '{"type":"tool_result","tool_use_id":"c2"}',
    ],
    [
      "gemini-generate",
      { role: "user", parts: [{ functionResponse: { name: "read", response: { rows: [1] } } }] },
      '"response":{"rows":[1],"note":"NOTE"}',
    ],
    ["gemini-generate", { role: "user", parts: [{ functionResponse: { name: "read", response: {} } }] }, '"response":{"note":"NOTE"}'],
  ];
  for (const [dialect, result, after] of cases) {
    const body = withResult(dialect, result);
    assert.ok(body.slice(body.lastIndexOf(after)).startsWith(after), `${after} in ${body}`);
    assert.equal(body.includes("NOTE"), after.includes("NOTE"));
  }
});

test("the note reads as one sentence of fact and one of advice", () => {
  const body = conversation("openai-chat", ...times(3));
  const { messages } = JSON.parse(utf8OfLatin1(applyEdits(body, watch("openai-chat", body)!.edits))) as { messages: { content: string }[] };
  assert.match(messages.at(-1)!.content, noted);
});
