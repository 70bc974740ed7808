import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { JsonObject } from "../testbed/json.ts";
import { askResponses } from "./ask-responses.ts";
import { startBench, type Bench } from "./bench.ts";

let bench: Bench;
before(async () => {
  bench = await startBench();
});
after(() => bench.stop());

/** A tool with a type of its own that the client runs, a call of it, and what the client says of the call. */
interface Case {
  readonly tool: JsonObject & { readonly type: string };
  readonly prefix: string;
  readonly arguments: JsonObject;
  readonly call: JsonObject;
  /** `id`: of the call's item. */
  readonly result: (callId: string, id: string) => JsonObject;
  readonly said: string;
}

const cases: readonly Case[] = [
  {
    tool: { type: "local_shell" },
    prefix: "lsh_",
    arguments: { command: ["ls", "-l"], working_directory: "/src", timeout_ms: 1000 },
    call: {
      type: "local_shell_call",
      action: { type: "exec", command: ["ls", "-l"], env: {}, timeout_ms: 1000, working_directory: "/src" },
    },
    // The SDK's type has the id of the item alone.
    result: (_callId, id) => ({ type: "local_shell_call_output", id, output: "a.txt listed" }),
    said: "a.txt listed",
  },
  {
    tool: { type: "local_shell" },
    prefix: "lsh_",
    arguments: { command: "ls | wc" },
    call: { type: "local_shell_call", action: { type: "exec", command: ["bash", "-lc", "ls | wc"], env: {} } },
    result: (callId) => ({ type: "local_shell_call_output", call_id: callId, output: "one line" }),
    said: "one line",
  },
  {
    tool: { type: "shell", environment: { type: "local" } },
    prefix: "sh_",
    arguments: { commands: ["ls", "pwd"], timeout_ms: 5 },
    call: {
      type: "shell_call",
      action: { commands: ["ls", "pwd"], timeout_ms: 5, max_output_length: null },
      environment: { type: "local" },
    },
    result: (callId) => ({
      type: "shell_call_output",
      call_id: callId,
      output: [{ stdout: "b.txt printed", stderr: "", outcome: { type: "exit", exit_code: 0 } }],
    }),
    said: "b.txt printed",
  },
  {
    tool: { type: "apply_patch" },
    prefix: "apc_",
    arguments: { type: "create_file", path: "a.txt", diff: "+hello" },
    call: { type: "apply_patch_call", operation: { type: "create_file", path: "a.txt", diff: "+hello" } },
    result: (callId) => ({ type: "apply_patch_call_output", call_id: callId, status: "failed", output: "the file exists" }),
    said: "failed: the file exists",
  },
];

const user = { type: "message", role: "user", content: [{ type: "input_text", text: "hi" }] };

for (const upstream of ["openai-chat", "anthropic-messages", "gemini-generate"] as const) {
  for (const stream of [false, true]) {
    test(`openai-responses to ${upstream}, ${stream ? "streamed" : "whole"}: shells and patches of the client are functions there`, async () => {
      for (const { tool, prefix, arguments: args, call, result, said } of cases) {
        const scenario = { toolCalls: [{ name: tool.type, arguments: args }] };
        const first = await askResponses(bench, { upstream, stream, scenario, body: { input: [user], tools: [tool] } });
        const [item] = first.items;
        const { id, call_id: callId, ...rest } = item!;
        assert.ok(typeof id === "string" && id.startsWith(prefix) && typeof callId === "string", JSON.stringify(item));
        assert.deepEqual(rest, { status: "completed", ...call });
        assert.deepEqual(first.output, first.items);

        const input = [user, item, result(callId, id)];
        const second = await askResponses(bench, { upstream, stream, scenario: { text: ["ok"] }, body: { input, tools: [tool] } });
        assert.ok(second.sent.includes(said), second.sent);
        for (const value of ["_call", "environment"]) assert.ok(!second.sent.includes(`${tool.type}${value}`), second.sent);
      }
    });
  }

  test(`openai-responses to ${upstream}: such a tool that is chosen is the function, and one of the vendor's own machines is left out`, async () => {
    const chosen = await askResponses(bench, {
      upstream,
      stream: false,
      scenario: { toolCalls: [{ name: "local_shell", arguments: { command: ["ls"] } }] },
      body: { input: [user], tools: [{ type: "local_shell" }], tool_choice: { type: "local_shell" } },
    });
    assert.deepEqual(
      chosen.items.map(({ type }) => type),
      ["local_shell_call"],
    );
    assert.match(chosen.sent, /"(?:tool_choice|toolConfig)":\{.*local_shell/);
    const hosted = { type: "shell", environment: { type: "container_auto" } };
    const left = await askResponses(bench, {
      upstream,
      stream: false,
      scenario: { text: ["ok"] },
      body: { input: [user], tools: [hosted] },
    });
    assert.ok(!left.sent.includes("shell"), left.sent);
  });
}
