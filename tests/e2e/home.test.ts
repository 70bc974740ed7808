import assert from "node:assert/strict";
import { test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";
import { startGateway } from "./harness.ts";

const unescape = (html: string): string =>
  html.replaceAll(/&(lt|gt|quot|#39|amp);/g, (_, name: string) => ({ lt: "<", gt: ">", quot: '"', "#39": "'", amp: "&" })[name]!);

/** Runs a snippet for Node with these SDKs and this key, and returns what it prints. */
async function run(snippet: string, key: string): Promise<string> {
  const body = snippet.replaceAll(/^import .*;$/gm, "");
  const AsyncFunction = Object.getPrototypeOf(run).constructor as FunctionConstructor;
  const printed: string[] = [];
  const program = new AsyncFunction("OpenAI", "Anthropic", "GoogleGenAI", "process", "console", body);
  const console = { log: (text: string) => void printed.push(text) };
  await (program(OpenAI, Anthropic, GoogleGenAI, { env: { TOKLIGENCE_KEY: key } }, console) as Promise<void>);
  return printed.join("\n");
}

test("the snippets of the page work as they are, with the official SDKs and with curl's request", async (t) => {
  const gateway = await startGateway({ config: "gateway: {}\n" });
  t.after(() => gateway.stop());
  const page = await (await fetch(gateway.url, { headers: { accept: "text/html" } })).text();
  const snippets = [...page.matchAll(/<summary>(.*?)<\/summary><pre>([^]*?)<\/pre>/g)].map(
    ([, title = "", text = ""]) => [title.replaceAll(/<[^>]*>/g, ""), unescape(text)] as const,
  );
  const printed = await Promise.all(
    snippets.filter(([title]) => title.endsWith(" Node")).map(async ([title, text]) => [title, await run(text, gateway.adminKey)]),
  );
  assert.deepEqual(printed, [
    ["OpenAI SDK Node", "Say hello."],
    ["Anthropic SDK Node", "Say hello."],
    ["Gemini SDK Node", "Say hello."],
  ]);
  const curl = snippets.find(([title]) => title === "curl shell")![1];
  const headers = [...curl.matchAll(/-H "([^:]+): ([^"]+)"/g)].map(([, name, value]): [string, string] => [
    name!,
    value!.replace("$TOKLIGENCE_KEY", gateway.adminKey),
  ]);
  const answer = await fetch(/curl (\S+)/.exec(curl)![1]!, { method: "POST", headers, body: /-d '(.*)'/.exec(curl)![1]! });
  assert.equal(((await answer.json()) as { choices: { message: { content: string } }[] }).choices[0]!.message.content, "Say hello.");
});
