import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import type { ChatRequest, Message } from "../../ir/index.ts";
import type { RouteCall } from "../protocol.ts";
import { parseRequest } from "./parse-request.ts";
import { echoRequest } from "./response-object.ts";
import { routes } from "./routes.ts";

type Wire = Record<string, unknown>;
type Item = Record<string, string> & { content: { text: string }[] };
const call: RouteCall = { route: routes[0]!, param: "", query: "" };
const fixture = (name: string): Wire & { input: Item[]; tools: Wire[] } =>
  JSON.parse(readFileSync(new URL(`fixtures/${name}`, import.meta.url), "utf8")) as Wire & { input: Item[]; tools: Wire[] };
const parse = (wire: unknown): ChatRequest => parseRequest(wire, call);

/** The neutral message for an item of the fixture. */
const textMessage = (item: Item): Message => ({
  role: item["role"] as "user",
  id: item["id"]!,
  content: item.content.map(({ text }) => ({ type: "text" as const, text })),
});

describe("a Responses request of a real client", () => {
  test("of Codex is parsed: calls of both kinds with hidden reasoning", () => {
    const wire = fixture("codex-tools-request.json");
    const { input, tools } = wire;
    const reasoning = (item: Item): Message => ({
      role: "assistant",
      content: [
        {
          type: "reasoning",
          text: "",
          id: item["id"]!,
          proof: { protocol: "openai-responses", kind: "encrypted", data: item["encrypted_content"]! },
        },
      ],
    });
    const commentary = (item: Item): Message => ({
      ...textMessage(item),
      extensions: { "openai-responses": { status: "completed", phase: "commentary" } },
    });
    const own = { "openai-responses": { status: "completed" } };
    assert.deepEqual(parse(wire), {
      model: "gpt-5.5",
      stream: true,
      messages: [
        ...input.slice(0, 4).map(textMessage),
        reasoning(input[4]!),
        commentary(input[5]!),
        {
          role: "assistant",
          content: [
            {
              type: "tool-call",
              id: "call_0d8af3e53a947d4e4600ef4d",
              name: "exec_command",
              kind: "function",
              arguments: "{\"cmd\":\"printf '%s' 'tokc_gpt_5_5-0-0' > /home/dev/project && echo TOOLOUT-tokc_gpt_5_5-0-0\"}",
              itemId: "fc_6b9facea91671b8467527f69",
              extensions: own,
            },
          ],
        },
        {
          role: "user",
          id: "fco_01a208bc-5c30-7810-869c-67c6024c5f8d",
          content: [
            {
              type: "tool-result",
              callId: "call_0d8af3e53a947d4e4600ef4d",
              kind: "function",
              content: [{ type: "text", text: input[7]!["output"]! }],
            },
          ],
        },
        reasoning(input[8]!),
        commentary(input[9]!),
        {
          role: "assistant",
          content: [
            {
              type: "tool-call",
              id: "call_c7cc0f874a1e3c736e8c108e",
              name: "apply_patch",
              kind: "custom",
              arguments: "*** Begin Patch\n*** Add File: /home/dev/project\n+tokc_gpt_5_5-1-0\n*** End Patch",
              itemId: "ctc_d0f826d737e311cc39172f0f",
              extensions: own,
            },
          ],
        },
        {
          role: "user",
          id: "ctco_01a208bc-5ca3-73f3-adfe-e4e3afb7b527",
          content: [
            {
              type: "tool-result",
              callId: "call_c7cc0f874a1e3c736e8c108e",
              kind: "custom",
              content: [{ type: "text", text: input[11]!["output"]! }],
            },
          ],
        },
      ],
      tools: [
        {
          type: "custom",
          name: "apply_patch",
          description: tools[0]!["description"] as string,
          grammar: { syntax: "lark", definition: (tools[0]!["format"] as Wire)["definition"] as string },
        },
        {
          type: "function",
          name: "get_goal",
          description: tools[1]!["description"] as string,
          parameters: { type: "object", properties: {}, required: [], additionalProperties: false },
          strict: false,
        },
        { type: "server", name: "tool_search", protocol: "openai-responses", wire: tools[2]! },
        { type: "server", name: "web_search", protocol: "openai-responses", wire: tools[3]! },
      ],
      toolChoice: { type: "auto" },
      parallelToolCalls: true,
      reasoning: { effort: "medium" },
      verbosity: "low",
      cacheKey: "01a208bc-5aeb-7312-8949-bbbd16fc0dc7",
      extensions: {
        "openai-responses": { store: false, include: ["reasoning.encrypted_content"], client_metadata: wire["client_metadata"] },
      },
    } satisfies ChatRequest);
  });

  test("of Codex is parsed: tools in an item, in namespaces", () => {
    const request = parse(fixture("codex-additional-tools-request.json"));
    assert.deepEqual(
      request.tools?.map((tool) => [tool.type, tool.type === "server" ? "" : tool.namespace, tool.name]),
      [
        ["custom", "functions", "exec"],
        ["function", "functions", "wait"],
        ["function", "clock", "sleep"],
        ["function", "collaboration", "interrupt_agent"],
        ["function", "collaboration", "list_agents"],
      ],
    );
    const sleep = request.tools[2]!;
    assert.deepEqual(sleep.type === "function" && sleep.extensions, {
      "openai-responses": { namespace: { description: "Tools for reading and waiting on time." }, additional_tools: true },
    });
    const calls = request.messages.flatMap(({ content }) => content).filter((block) => block.type === "tool-call");
    assert.deepEqual(
      calls.map(({ namespace, name, kind }) => [namespace, name, kind]),
      [["functions", "exec", "custom"]],
    );
    assert.deepEqual(
      request.messages.map(({ role, content }) => [role, content.map(({ type }) => type).join()]),
      [
        ["developer", "text"],
        ["developer", "text,text,text"],
        ["user", "text"],
        ["assistant", "reasoning"],
        ["assistant", "text"],
        ["assistant", "tool-call"],
        ["user", "tool-result"],
      ],
    );
    assert.deepEqual(
      [request.parallelToolCalls, request.reasoning, request.extensions?.["openai-responses"]?.["reasoning"]],
      [false, { effort: "low" }, { context: "all_turns" }],
    );
    assert.deepEqual(echoRequest(request).tools, []);
  });

  test("of Codex is parsed: a picture as a tool's result", () => {
    const wire = fixture("codex-image-request.json");
    const request = parse(wire);
    const last = wire.input.at(-1) as unknown as { output: [{ image_url: string }] };
    assert.deepEqual(request.messages.at(-1), {
      role: "user",
      id: "fco_01a208ca-bf85-7420-a1e4-4e7e23c5bb9c",
      content: [
        {
          type: "tool-result",
          callId: "call_4b6280fb1bf4da4b48b7ff55",
          kind: "function",
          content: [
            {
              type: "media",
              kind: "image",
              source: { type: "base64", mediaType: "image/png", data: last.output[0].image_url.slice("data:image/png;base64,".length) },
              detail: "high",
            },
          ],
        },
      ],
    });
  });

  test("of the Python SDK is parsed: items without ids, visible reasoning", () => {
    const request = parse(fixture("py-sdk-tools-request.json"));
    assert.deepEqual(request.messages[0], { role: "user", content: [{ type: "text", text: "Do the task." }] });
    assert.deepEqual(request.messages[1], {
      role: "assistant",
      content: [
        {
          type: "reasoning",
          text: "I must do step 0 of shell;shell+shell (token t5346a21a).",
          id: "rs_38f72a87093e493093c23651",
          proof: {
            protocol: "openai-responses",
            kind: "encrypted",
            data: "gAAAA-OAI.SSBtdXN0IGRvIHN0ZXAgMCBvZiBzaGVsbDtzaGVsbCtzaGVsbCAodG9rZW4gdDUzNDZhMjFhKS4=",
          },
        },
      ],
    });
    assert.deepEqual(
      [request.reasoning, request.extensions],
      [
        { effort: "low", visibility: "summary" },
        { "openai-responses": { include: ["reasoning.encrypted_content"], reasoning: { summary: "auto" }, store: false } },
      ],
    );
  });

  for (const name of ["codex-tools-request.json", "codex-image-request.json", "py-sdk-tools-request.json", "py-sdk-schema-request.json"]) {
    test(`is repeated in the answer as it was sent: ${name}`, () => {
      const wire = fixture(name);
      const echo = echoRequest(parse(wire)) as Wire;
      const repeated = ["tools", "tool_choice", "parallel_tool_calls", "store", "prompt_cache_key"].filter((key) => key in wire);
      assert.deepEqual(
        Object.fromEntries(repeated.map((key) => [key, echo[key]])),
        Object.fromEntries(repeated.map((key) => [key, wire[key]])),
      );
      assert.deepEqual(echo["text"], { format: { type: "text" }, ...(wire["text"] as object | undefined) });
      assert.deepEqual(echo["reasoning"], { effort: null, summary: null, ...(wire["reasoning"] as object | undefined) });
    });
  }
});
