import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { before, suite, test } from "node:test";
import { promisify } from "node:util";
import type { JsonObject } from "../testbed/json.ts";
import { sentAsks } from "../matrix/sent-to-server.ts";

/**
 * Runs the chat templates of models on what the gateway sends to the servers that render them. The templates come with llama.cpp's sources, which are in
 * the source package of llama-cpp-python: they are read there, and not copied.
 */

interface Jinja {
  readonly Template: new (text: string) => { render(context: Readonly<Record<string, unknown>>): string };
}

const run = promisify(execFile);
// Not in this repository's own packages: `npm run test:servers` installs it beside this file.
const interpreter = "@huggingface/jinja";
const folder = join(import.meta.dirname, "node_modules", ".cache", "templates");

/** Templates that the interpreter cannot run, on all requests or on some, and what it says. A template that is not here must run. */
const cannotRun: Readonly<Record<string, string>> = {
  "Apriel-1.6-15b-Thinker-fixed": "Unknown ObjectValue filter: string",
  "ByteDance-Seed-OSS": "Object keys must be strings: got IntegerValue",
  "CohereForAI-c4ai-command-r-plus-tool_use": "Cannot perform operation + on undefined values",
  "Kimi-K2-Instruct": "Cannot call something that is not a function: got UndefinedValue",
  "Kimi-K2-Thinking": "Cannot call something that is not a function: got UndefinedValue",
  "NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use": 'Cannot apply filter "trim" to type: UndefinedValue',
  "NousResearch-Hermes-3-Llama-3.1-8B-tool_use": 'Cannot apply filter "trim" to type: UndefinedValue',
  "fireworks-ai-llama-3-firefunction-v2": "Cannot perform operation + on undefined values",
  "meetkai-functionary-medium-v3.1": 'Cannot apply filter "selectattr" to type: NullValue',
  "openbmb-MiniCPM5-1B": "Unknown ArrayValue filter: min",
  "tencent-Hy3": "Cannot call something that is not a function: got UndefinedValue",
  "unsloth-Apriel-1.5": "Unknown ObjectValue filter: string",
};

/** What a model cannot do at all, in the words of its template. */
const notOfModel: Readonly<Record<string, string>> = { "google-gemma-2-2b-it": "System role not supported" };

before(async () => {
  if (existsSync(folder)) return;
  const packages = join(import.meta.dirname, "node_modules", ".cache");
  mkdirSync(packages, { recursive: true });
  const requirements = join(import.meta.dirname, "requirements.txt");
  const pip = [
    "-m",
    "pip",
    "download",
    "--quiet",
    "--no-deps",
    "--no-binary",
    "llama-cpp-python",
    "--requirement",
    requirements,
    "--dest",
    packages,
  ];
  await run("python3", pip, { timeout: 300_000 });
  const archive = readdirSync(packages).find((name) => name.endsWith(".tar.gz"))!;
  mkdirSync(`${folder}.new`);
  await run("tar", [
    "xzf",
    join(packages, archive),
    "-C",
    `${folder}.new`,
    "--strip-components=5",
    "--wildcards",
    "*/models/templates/*.jinja",
  ]);
  await run("mv", [`${folder}.new`, folder]);
});

/** What a server gives to a template: texts in place of parts, no message without content, arguments as values (vLLM, chat_utils.py; SGLang, serving_chat.py). */
function contextOf(sent: JsonObject): Readonly<Record<string, unknown>> {
  const messages = sent["messages"] as readonly JsonObject[];
  return {
    messages: messages.map((message) => ({
      ...message,
      content: textOf(message["content"]),
      ...(message["tool_calls"] === undefined ? {} : { tool_calls: (message["tool_calls"] as readonly JsonObject[]).map(withValues) }),
    })),
    tools: sent["tools"] ?? null,
    documents: null,
    add_generation_prompt: true,
    bos_token: "<s>",
    eos_token: "</s>",
    ...(sent["chat_template_kwargs"] as JsonObject | undefined),
    ...(sent["reasoning_effort"] === undefined ? {} : { reasoning_effort: sent["reasoning_effort"] }),
  };
}

function textOf(content: unknown): string {
  if (!Array.isArray(content)) return typeof content === "string" ? content : "";
  return (content as readonly JsonObject[]).map((part) => (typeof part["text"] === "string" ? part["text"] : "<image>")).join("\n");
}

function withValues(call: JsonObject): JsonObject {
  const { arguments: text, ...rest } = call["function"] as JsonObject;
  return { ...call, function: { ...rest, arguments: JSON.parse(text as string) as JsonObject } };
}

/** What the templates of one server say, by template and message, with the requests that they say it of. */
async function failuresOf(server: string): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const { Template } = (await import(interpreter)) as Jinja;
  const failures = new Map<string, Set<string>>();
  for (const file of readdirSync(folder)) {
    const model = file.replace(/\.jinja$/, "");
    const template = new Template(readFileSync(join(folder, file), "utf8"));
    for (const { name, client, sent } of sentAsks({ name: server }, model)) {
      // A model that has several templates is given this one for requests with tools.
      if (model.endsWith("tool_use") && sent["tools"] === undefined) continue;
      try {
        template.render(contextOf(sent));
      } catch (error) {
        const key = `${model}: ${(error as Error).message}`;
        failures.set(key, (failures.get(key) ?? new Set()).add(`${client}, ${name}`));
      }
    }
  }
  return failures;
}

suite("the chat templates of models render what the gateway sends", () => {
  test("there are templates of all families", () => {
    const files = readdirSync(folder);
    assert.ok(files.length >= 60, `${files.length} templates`);
    for (const family of ["Qwen3", "DeepSeek", "Mistral", "Llama", "GLM", "Kimi", "gemma", "gpt-oss", "granite"])
      assert.ok(
        files.some((file) => file.includes(family)),
        family,
      );
  });
  for (const server of ["vllm", "sglang", "llama.cpp"]) {
    test(server, async () => {
      const failures = await failuresOf(server);
      const expected = Object.entries({ ...cannotRun, ...notOfModel }).map(([model, message]) => `${model}: ${message}`);
      const shown = [...failures].filter(([key]) => !expected.includes(key)).map(([key, asks]) => `${key} (${[...asks].join("; ")})`);
      assert.deepEqual(shown, []);
      // One that runs meanwhile leaves the list.
      assert.deepEqual(
        expected.filter((key) => !failures.has(key)),
        [],
      );
    });
  }
});
