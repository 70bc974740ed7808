import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { WireObject } from "../shared/fields.ts";
import { Losses } from "../shared/losses.ts";
import type { RenderQuirks } from "../quirks.ts";
import { fitBody } from "./fit-body.ts";
import type { ThinkingWish } from "./fit-tools.ts";

interface Fitted {
  readonly body: WireObject;
  readonly losses: readonly string[];
}

function fit(body: WireObject, quirks: RenderQuirks, wish: ThinkingWish = "open"): Fitted {
  const losses = new Losses();
  const fitted = fitBody(body, { quirks, wish, losses });
  return { body: fitted, losses: losses.list.map(({ param, action }) => `${param} ${action}`) };
}

const fitAll = (messages: readonly WireObject[], quirks: RenderQuirks): unknown => fit({ messages }, quirks).body["messages"];
const says = (role: string, content: unknown): WireObject => ({ role, content });
const call = (id: string): WireObject => ({
  role: "assistant",
  content: null,
  tool_calls: [{ id, type: "function", function: { name: "f" } }],
});
const result = (id: string, content: string): WireObject => ({ role: "tool", tool_call_id: id, content });
const tool = (name: string): WireObject => ({ type: "function", function: { name } });
const named = (name: string): WireObject => ({ type: "function", function: { name } });

describe("messages for a server with strict turns", () => {
  const strict = { strictTurns: true } as const;

  test("later instructions become a reminder in a turn of the user, and the first ones become one message (report 301)", () => {
    const messages = [
      says("system", "A"),
      says("developer", "B"),
      says("user", "hi"),
      says("system", "C"),
      says("assistant", "yes"),
      says("developer", [{ type: "text", text: "D" }]),
      says("user", "go"),
    ];
    assert.deepEqual(fitAll(messages, strict), [
      says("system", "A\n\nB"),
      says("user", "hi\n\n<system-reminder>\nC\n</system-reminder>"),
      says("assistant", "yes"),
      says("user", "<system-reminder>\nD\n</system-reminder>\n\ngo"),
    ]);
  });

  test("consecutive messages of one role become one, with their parts (report 306)", () => {
    const image = { type: "image_url", image_url: { url: "data:image/png;base64,aaaa" } };
    const messages = [says("user", [image]), says("user", "what?"), says("assistant", "a"), { ...says("assistant", "b"), reasoning: "r" }];
    assert.deepEqual(fitAll(messages, strict), [
      says("user", [image, { type: "text", text: "what?" }]),
      { ...says("assistant", "a\n\nb"), reasoning: "r" },
    ]);
  });

  test("calls and the message after them are not merged", () => {
    const messages = [says("user", "go"), call("a"), result("a", "A"), says("assistant", "done"), says("user", "thanks")];
    assert.deepEqual(fitAll(messages, strict), messages);
  });

  test("the user speaks first, also in an empty conversation", () => {
    assert.deepEqual(fitAll([says("system", "A"), says("assistant", "hi"), says("user", "yes")], strict), [
      says("system", "A"),
      says("user", "."),
      says("assistant", "hi"),
      says("user", "yes"),
    ]);
    assert.deepEqual(fitAll([says("system", "A")], strict), [says("system", "A"), says("user", ".")]);
  });

  test("after a result, a reminder is added to it, and a text of the user follows a bridge message (report 305)", () => {
    const quirks = { strictTurns: true, noUserAfterTool: true } as const;
    const before = [says("user", "go"), call("a"), result("a", "A")];
    const reminder = "<system-reminder>\nR\n</system-reminder>";
    assert.deepEqual(fitAll([...before, says("system", "R")], quirks), [says("user", "go"), call("a"), result("a", `A\n\n${reminder}`)]);
    assert.deepEqual(fitAll([...before, says("user", "stop"), says("user", "now")], quirks), [
      ...before,
      says("assistant", "Noted."),
      says("user", "stop\n\nnow"),
    ]);
  });

  test("a refusal is sent as text", () => {
    assert.deepEqual(fit({ messages: [says("user", "hi"), { ...says("assistant", null), refusal: "No." }] }, strict), {
      body: { messages: [says("user", "hi"), says("assistant", "No.")] },
      losses: ["refusal emulated"],
    });
  });
});

describe("messages for servers with other rules", () => {
  test("an assistant's message at the end is marked (report 304)", () => {
    const messages = [says("user", "go"), says("assistant", "It is")];
    assert.deepEqual(fitAll(messages, { prefillField: "prefix" }), [messages[0], { ...messages[1], prefix: true }]);
    assert.deepEqual(fitAll([messages[0]!, call("a"), result("a", "A")], { prefillField: "prefix" }), [
      messages[0],
      call("a"),
      result("a", "A"),
    ]);
  });

  test("ids of calls are nine letters and digits, the same in both places; the server's own are kept (report 303)", () => {
    const messages = [call("toolu_01AbCdEf"), result("toolu_01AbCdEf", "A"), call("Ab3dE6gH9"), result("Ab3dE6gH9", "B")];
    const fitted = fitAll(messages, { shortCallIds: true }) as { tool_calls?: { id: string }[]; tool_call_id?: string }[];
    const ids = fitted.map((message) => message.tool_calls?.[0]?.id ?? message.tool_call_id);
    assert.match(ids[0]!, /^[a-zA-Z0-9]{9}$/);
    assert.deepEqual(ids, [ids[0], ids[0], "Ab3dE6gH9", "Ab3dE6gH9"]);
  });

  test("fields that the server does not know are removed, its own field for reasoning is kept", () => {
    const message = { ...says("assistant", "a"), name: "n", reasoning: "mine", reasoning_content: "theirs", annotations: null };
    const { body, losses } = fit({ messages: [message] }, { strictMessages: true, noMessageNames: true, reasoningField: "reasoning" });
    assert.deepEqual(body["messages"], [{ ...says("assistant", "a"), reasoning: "mine" }]);
    assert.deepEqual(losses, ["messages[].name dropped", "thoughts dropped", "messages[].annotations emulated"]);
  });

  test("content that the server does not accept becomes a text that names it, a text file becomes its text (report 908)", () => {
    const file = (filename: string, data: string): WireObject => ({ type: "file", file: { filename, file_data: data } });
    const url = { type: "image_url", image_url: { url: "https://a.example/b.png" } };
    const parts = [file("a.pdf", "data:application/pdf;base64,JVBE"), file("b.txt", "data:text/plain;base64,aGk="), url];
    assert.deepEqual(fit({ messages: [says("user", parts)] }, { parts: ["image-data"] }), {
      body: { messages: [says("user", "[document left out: a.pdf]\n\nb.txt:\nhi\n\n[image left out]")] },
      losses: ["document dropped", "document emulated", "image dropped"],
    });
    // The renderer gives a document without a name this one, so it is not the client's.
    assert.deepEqual(fitAll([says("user", [file("document.pdf", "data:application/pdf;base64,JVBE")])], { parts: [] }), [
      says("user", "[document left out]"),
    ]);
    assert.deepEqual(fitAll([says("user", [parts[0], url])], { parts: ["document-url", "image"] }), [
      says("user", [{ type: "document_url", document_url: "data:application/pdf;base64,JVBE" }, url]),
    ]);
  });
});

describe("tools and formats for servers with other rules", () => {
  const tools = [tool("f"), tool("g")];
  const messages = [says("system", "A"), says("user", "hi")];

  test("a server without named choices gets only the named tool, and must call one (report 901)", () => {
    assert.deepEqual(fit({ messages, tools, tool_choice: named("g") }, { toolChoice: "words" }), {
      body: { messages, tools: [tool("g")], tool_choice: "required" },
      losses: ["toolChoice emulated"],
    });
  });

  test("a server that forces no tool is asked in the instructions", () => {
    const quirks = { toolChoice: "auto", strictTurns: true } as const;
    assert.deepEqual(fit({ messages, tools, tool_choice: named("g") }, quirks).body, {
      messages: [says("system", 'A\n\nCall the tool "g" now.'), messages[1]],
      tools: [tool("g")],
      tool_choice: "auto",
    });
    assert.deepEqual(fit({ messages, tools, tool_choice: "none" }, quirks).body, { messages });
    assert.deepEqual(fit({ messages, tools, tool_choice: "auto" }, { toolChoice: "none" }).body, { messages, tools });
  });

  test("a tool is forced without thinking, unless thinking was asked for (report 904)", () => {
    const quirks = { noForcedToolWhileThinking: true, thinkingSwitch: "thinking" } as const;
    const body = { messages, tools, tool_choice: named("g"), reasoning_effort: "high" };
    assert.deepEqual(fit(body, quirks), {
      body: { messages, tools, tool_choice: named("g"), thinking: { type: "disabled" } },
      losses: ["reasoning emulated"],
    });
    assert.deepEqual(fit(body, quirks, "asked"), { body: { ...body, tool_choice: "auto" }, losses: ["toolChoice dropped"] });
    assert.deepEqual(fit(body, quirks, "off").body, { messages, tools, tool_choice: named("g"), thinking: { type: "disabled" } });
  });

  test("a schema that the server does not know is written into the instructions (report 903)", () => {
    const schema = { type: "object" };
    const body = { messages, response_format: { type: "json_schema", json_schema: { name: "n", schema } } };
    assert.deepEqual(fit(body, { responseFormats: ["json_object"], strictTurns: true }), {
      body: {
        messages: [
          says("system", `A\n\nAnswer with JSON that fits this JSON Schema, and nothing else:\n${JSON.stringify(schema)}`),
          messages[1],
        ],
        response_format: { type: "json_object" },
      },
      losses: ["responseFormat.schema emulated", "messages[] emulated"],
    });
    assert.deepEqual(fit({ messages, response_format: { type: "json_object" } }, { responseFormats: ["json_schema"] }).body, {
      messages,
      response_format: { type: "json_schema", json_schema: { name: "answer", schema } },
    });
    assert.equal(fit({ ...body, tools }, { noFormatWithTools: true }).body["response_format"], undefined);
  });
});

describe("fields for servers with other rules", () => {
  const messages = [says("user", "hi")];

  test("a field gets the server's name; a refused field is removed, and reported if it asked for something (report 905)", () => {
    const quirks = { renamedFields: { seed: "random_seed" }, refusedFields: ["n", "logprobs", "frequency_penalty"] } as const;
    assert.deepEqual(fit({ messages, seed: 7, n: 1, logprobs: true, frequency_penalty: 0 }, quirks), {
      body: { messages, random_seed: 7 },
      losses: ["seed emulated", "candidateCount emulated", "logprobs dropped", "frequencyPenalty emulated"],
    });
  });

  test("thinking is switched off in the server's way, without an effort", () => {
    const off = (thinkingSwitch: RenderQuirks["thinkingSwitch"]): WireObject =>
      fit({ messages, reasoning_effort: "high" }, thinkingSwitch === undefined ? {} : { thinkingSwitch }, "off").body;
    assert.deepEqual(
      [off("thinking"), off("chat_template_kwargs"), off("reasoning"), off("reasoning_effort"), off("never")],
      [
        { messages, thinking: { type: "disabled" } },
        { messages, chat_template_kwargs: { enable_thinking: false, thinking: false } },
        { messages, reasoning: { enabled: false } },
        { messages, reasoning_effort: "none" },
        { messages, reasoning_effort: "high" },
      ],
    );
  });

  test("a model with fixed sampling gets none", () => {
    assert.deepEqual(fit({ messages, temperature: 0, top_p: 1, n: 2 }, { fixedSampling: true }), {
      body: { messages },
      losses: ["temperature dropped", "topP emulated", "candidateCount dropped"],
    });
  });
});

describe("a body of plain texts in turns", () => {
  const turns = [says("system", "S"), says("user", "a"), says("assistant", "b"), says("user", "c")];
  const all: RenderQuirks = {
    strictTurns: true,
    noDeveloperRole: true,
    noUserAfterTool: true,
    prefillField: "prefix",
    shortCallIds: true,
    noMessageNames: true,
    noNullContent: true,
    strictMessages: true,
    echoReasoning: true,
    parts: [],
    refusedFields: ["seed"],
    renamedFields: { seed: "random_seed" },
    noStreamOptions: true,
    fixedSampling: true,
    toolChoice: "none",
    responseFormats: [],
    thinkingSwitch: "thinking",
    noForcedToolWhileThinking: true,
  };

  test("is unchanged for every server, and no copy is made", () => {
    for (const messages of [turns, turns.slice(1), turns.slice(0, 2)]) {
      const body = { model: "m", messages, max_tokens: 5, stream: true };
      assert.equal(fit(body, all).body, body);
      // What is looked at more closely comes out the same.
      assert.deepEqual(fit({ ...body, response_format: { type: "text" } }, all).body, { ...body, response_format: { type: "text" } });
    }
  });

  test("is looked at more closely if there is anything else in it", () => {
    for (const messages of [
      [...turns, says("assistant", "d")],
      turns.toReversed(),
      [says("user", [{ type: "file" }])],
      [says("developer", "D")],
    ])
      assert.notDeepEqual(fitAll(messages, all), messages);
    for (const more of [
      { seed: 1 },
      { n: 2 },
      { stream_options: {} },
      { tool_choice: "required" },
      { response_format: { type: "json_object" } },
    ])
      assert.notDeepEqual(fit({ messages: turns, ...more }, all).body, { messages: turns, ...more }, JSON.stringify(more));
    assert.deepEqual(fit({ messages: turns }, all, "off").body["thinking"], { type: "disabled" });
  });
});
