import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServerTool } from "../../ir/index.ts";
import { readHostedTool } from "./hosted-tools.ts";

const tool = (protocol: string, name: string, wire: Record<string, unknown>): ServerTool => ({ type: "server", name, protocol, wire });

test("tools that several vendors run are read from every vendor's declaration, with their options", () => {
  const place = { type: "approximate", city: "Bern", country: "CH" };
  const cases: readonly (readonly [ServerTool, unknown])[] = [
    [
      tool("anthropic-messages", "web_search", {
        type: "web_search_20260209",
        allowed_domains: ["a.ch"],
        max_uses: 3,
        user_location: { ...place, region: null },
      }),
      { kind: "web-search", allowedDomains: ["a.ch"], maxUses: 3, userLocation: place },
    ],
    [
      tool("openai-responses", "web_search", {
        type: "web_search_2025_08_26",
        filters: { allowed_domains: ["a.ch"] },
        search_context_size: "low",
        user_location: null,
      }),
      { kind: "web-search", allowedDomains: ["a.ch"], contextSize: "low" },
    ],
    [tool("openai-responses", "web_search_preview", { type: "web_search_preview_2025_03_11" }), { kind: "web-search" }],
    [
      tool("openai-chat", "web_search", {
        type: "web_search_options",
        user_location: { type: "approximate", approximate: { city: "Bern" } },
      }),
      { kind: "web-search", userLocation: { type: "approximate", city: "Bern" } },
    ],
    [
      tool("gemini-generate", "googleSearch", { googleSearch: { excludeDomains: ["b.ch"] } }),
      { kind: "web-search", blockedDomains: ["b.ch"] },
    ],
    [tool("gemini-generate", "urlContext", { urlContext: {} }), { kind: "web-fetch" }],
    [tool("anthropic-messages", "code_execution", { type: "code_execution_20250825" }), { kind: "code-execution" }],
    [tool("openai-responses", "code_interpreter", { type: "code_interpreter" }), { kind: "code-execution" }],
    [tool("openai-responses", "file_search", { type: "file_search" }), undefined],
    [tool("anthropic-messages", "bash", { type: "bash_20250124" }), undefined],
    [tool("gemini-generate", "googleMaps", { googleMaps: {} }), undefined],
  ];
  for (const [declared, read] of cases) assert.deepEqual(readHostedTool(declared), read);
});
