import assert from "node:assert/strict";
import { test } from "node:test";
import { unusedVariables } from "./start-screen.ts";

test("keys in the environment that no provider uses are named, with what to write", () => {
  const env = { OPENROUTER_API_KEY: "a", AZURE_OPENAI_API_KEY: "b", GEMINI_API_KEY: "c", GROQ_API_KEY: "", XAI_API_KEY: "d" };
  assert.deepEqual(unusedVariables([{ name: "google" }, { name: "mine", otherNames: ["xai", "grok"] }], env), [
    'AZURE_OPENAI_API_KEY is set, but unused. Add under providers:  azure-openai: { base_url: "…" }',
    "OPENROUTER_API_KEY is set, but unused. Add under providers:  openrouter: {}",
  ]);
});
