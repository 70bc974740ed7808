import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Wire } from "../openai-shared/testing.ts";
import { labelPhases } from "./label-phases.ts";

const said = (role: string, fields: Wire = {}): Wire => ({ type: "message", role, content: "x", ...fields });
const call: Wire = { type: "function_call", call_id: "a", name: "read", arguments: "{}" };
const output: Wire = { type: "function_call_output", call_id: "a", output: "y" };
const commentary = said("assistant", { phase: "commentary" });
const answer = said("assistant", { phase: "final_answer" });

describe("the phase of an assistant's messages", () => {
  test("is commentary if a call follows in the same turn, with anything between them", () => {
    const reasoning: Wire = { type: "reasoning", summary: [], encrypted_content: "e" };
    assert.deepEqual(labelPhases([said("user"), said("assistant"), said("assistant"), reasoning, { ...call, type: "custom_tool_call" }]), [
      said("user"),
      commentary,
      commentary,
      reasoning,
      { ...call, type: "custom_tool_call" },
    ]);
  });

  test("is the final answer if no call follows it: a call before it, or in a later turn, does not count", () => {
    assert.deepEqual(
      labelPhases([said("assistant"), said("user"), call, said("assistant"), output, said("assistant"), said("developer"), call]),
      [answer, said("user"), call, answer, output, answer, said("developer"), call],
    );
  });

  test("is kept as a client of this protocol sent it", () => {
    const items = [
      said("assistant", { id: "msg_1" }),
      said("assistant", { status: "completed" }),
      said("assistant", { phase: null }),
      call,
    ];
    assert.deepEqual(labelPhases(items), items);
  });
});
