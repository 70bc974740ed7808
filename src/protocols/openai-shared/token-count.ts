import type { InputTokenCountResponse } from "openai/resources/responses/input-tokens";

/** Renders a token count. Source: `InputTokenCountResponse` of the npm package `openai` 7.57 (resources/responses/input-tokens). */
export function renderTokenCount(tokens: number): string {
  const body: InputTokenCountResponse = { object: "response.input_tokens", input_tokens: tokens };
  return JSON.stringify(body);
}
