import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { asObject } from "../../../tests/testbed/json.ts";
import { geminiMock } from "../../../tests/testbed/mock-gemini.ts";
import type { ChatRequest } from "../../ir/index.ts";
import { protocols } from "../index.ts";
import { geminiGenerateUpstream } from "./index.ts";

const others = ["openai-chat", "openai-responses", "anthropic-messages"] as const;

/** What real clients of the other dialects send. */
function recordedRequests(): readonly (readonly [name: string, request: ChatRequest])[] {
  return others.flatMap((id) => {
    const folder = new URL(`../${id}/fixtures/`, import.meta.url);
    const protocol = protocols.get(id);
    const route = protocol?.routes.find(({ operation }) => operation === "generate");
    if (protocol === undefined || route === undefined) throw new Error(`no route of ${id}`);
    const files = readdirSync(folder).filter((file) => file.endsWith(".json") && file !== "answer.json");
    return files.map((file) => {
      const wire: unknown = JSON.parse(readFileSync(new URL(file, folder), "utf8"));
      return [`${id}/${file}`, protocol.parseRequest(wire, { route, param: "m", query: "" })] as const;
    });
  });
}

for (const model of ["gemini-3.8-flash", "gemini-3-pro-preview", "gemini-2.5-pro", "gemini-2.0-flash"]) {
  for (const [name, request] of recordedRequests()) {
    test(`${name} becomes a request that ${model} takes`, () => {
      const { value } = geminiGenerateUpstream.renderRequest(request, { model, stream: true, quirks: {} });
      const body = asObject(JSON.parse(value));
      assert.equal(geminiMock.validate(body, model), null);
      const unnamed = JSON.stringify(body["tools"] ?? []).matchAll(/"name":"([^"]*)","description"/g);
      for (const [, tool] of unnamed) assert.match(tool ?? "", /^[a-zA-Z0-9_.:-]{1,64}$/);
    });
  }
}
