import type { JsonObject } from "./json.ts";
import { asObject, asObjects, asString } from "./json.ts";
import { badParameter, missingParameter, openAiErrorObject, openAiHeaders, renderOpenAiError } from "./openai-error.ts";
import { renderOutput, renderResponse } from "./mock-openai-responses-object.ts";
import { renderResponsesStream, responsesFrame } from "./mock-openai-responses-stream.ts";
import { toolChoiceOf } from "./scenario.ts";
import type { Answer, ProtocolMock, RequestFacts, ScenarioError, ToolSpec } from "./scenario.ts";

/** OpenAI Responses, `POST /v1/responses` (OpenAI API reference, November 2026; typed by openai-node 7.57). */
export const openAiResponsesMock: ProtocolMock = {
  readFacts,
  validate,
  renderJson: (answer) => renderResponse(answer, renderOutput(answer)),
  renderStream: renderResponsesStream,
  renderError: renderOpenAiError,
  renderErrorEvent,
  headers: openAiHeaders,
};

function readFacts(body: JsonObject): RequestFacts {
  const format = asObject(asObject(body["text"])["format"]);
  const choice = body["tool_choice"];
  const forced = asString(asObject(choice)["name"]);
  const input = asObjects(body["input"]);
  // Newer Codex models send their tools as an input item and no `tools` at all.
  const added = input
    .filter((item) => item["type"] === "additional_tools")
    .flatMap((item) => readTools(asObjects(item["tools"]), undefined));
  return {
    tools: [...readTools(asObjects(body["tools"]), undefined), ...added],
    toolChoice: toolChoiceOf(choice === "none", forced),
    lastTurn: lastTurn(input),
    reasoningAsked: body["reasoning"] !== undefined && body["reasoning"] !== null,
    schema: format["type"] === "json_schema" ? asObject(format["schema"]) : undefined,
    stopSequence: undefined,
  };
}

function readTools(tools: readonly JsonObject[], namespace: string | undefined): readonly ToolSpec[] {
  return tools.flatMap((tool): readonly ToolSpec[] => {
    const name = asString(tool["name"]) ?? "";
    if (tool["type"] === "namespace") return readTools(asObjects(tool["tools"]), name);
    if (tool["type"] !== "function" && tool["type"] !== "custom") return [];
    return [{ name, kind: tool["type"], namespace, schema: asObject(tool["parameters"]) }];
  });
}

function lastTurn(input: readonly JsonObject[]): "user" | "tool-result" {
  const at = input.findLastIndex((item) => item["role"] === "assistant" || /(_call|^reasoning)$/.test(asString(item["type"]) ?? ""));
  return input.slice(at + 1).some((item) => (asString(item["type"]) ?? "").endsWith("_call_output")) ? "tool-result" : "user";
}

function validate(body: JsonObject): ScenarioError | null {
  if (asString(body["model"]) === undefined || body["model"] === "") return missingParameter("model");
  const isContinued =
    typeof body["previous_response_id"] === "string" || (body["conversation"] !== undefined && body["conversation"] !== null);
  const input = body["input"];
  if (!isContinued && (input === undefined || input === null) && body["prompt"] === undefined) return missingParameter("input");
  const items = asObjects(input);
  const called = new Set(idsOf(items, "_call"));
  const answered = new Set(idsOf(items, "_call_output"));
  const unanswered = [...called].find((id) => !answered.has(id));
  if (unanswered !== undefined) return badParameter("input", undefined, `No tool output found for function call ${unanswered}.`);
  const orphan = isContinued ? undefined : [...answered].find((id) => !called.has(id));
  // An item reference may stand for the call; the store checks those.
  if (orphan !== undefined && !items.some((item) => item["type"] === "item_reference")) {
    return badParameter("input", undefined, `No tool call found for function call output with call_id ${orphan}.`);
  }
  return null;
}

function idsOf(items: readonly JsonObject[], suffix: string): readonly string[] {
  return items
    .filter((item) => /^(function|custom_tool)_/.test(asString(item["type"]) ?? "") && (asString(item["type"]) ?? "").endsWith(suffix))
    .map((item) => asString(item["call_id"]) ?? "");
}

/** First in the stream: a bare `error` event. Later: `response.failed`, which names only the codes the vendor lists. */
function renderErrorEvent(error: ScenarioError, answer: Answer, first: boolean): string {
  const { message, code, type } = openAiErrorObject(error);
  if (first) return responsesFrame({ type: "error", code: code ?? type, message, param: null, sequence_number: 0 });
  const failed = {
    ...renderResponse(answer, [], false),
    status: "failed" as const,
    error: { code: error.status === 429 ? "rate_limit_exceeded" : "server_error", message } as const,
  };
  return responsesFrame({ type: "response.failed", sequence_number: 1000, response: failed });
}
