import { crc32 } from "node:zlib";
import type { JsonObject, JsonValue } from "./json.ts";
import { asArray, asObject, asString } from "./json.ts";
import type { Protocol, RequestFacts, ResolvedScenario, ResolvedToolCall, Scenario, ScenarioToolCall, ScenarioUsage } from "./scenario.ts";

/**
 * Token counts that follow from the bytes of the request alone: the same body gives the same counts, another body
 * almost surely others. Cache writes come only for Anthropic, reasoning tokens only where the request asks for it.
 */
export function defaultUsage(protocol: Protocol, body: Uint8Array, reasoningAsked: boolean): ScenarioUsage {
  const hash = crc32(body);
  const input = 40 + (body.length >> 2) + (hash % 97);
  const cached = Math.floor((input * (hash % 41)) / 100);
  const isAnthropic = protocol === "anthropic-messages";
  const cacheWrite5m = isAnthropic ? hash % 13 : 0;
  const cacheWrite1h = isAnthropic ? (hash >>> 8) % 7 : 0;
  const reasoning = reasoningAsked ? 1 + ((hash >>> 4) % 37) : 0;
  return { input, cached, cacheWrite5m, cacheWrite1h, output: 3 + ((hash >>> 12) % 211) + reasoning, reasoning };
}

/**
 * The scenario with its gaps filled from the request: a call of the first tool when a user's text ends the
 * conversation and tools are offered, else text; structured output fits the schema. Deterministic in the body.
 */
export function resolveScenario(
  scenario: Scenario,
  context: {
    readonly protocol: Protocol;
    readonly facts: RequestFacts;
    readonly body: Uint8Array;
    readonly serial: number;
    readonly countsText?: boolean | undefined;
  },
): ResolvedScenario {
  const { protocol, facts, body, serial, countsText } = context;
  const content = namesContent(scenario) ? scenario : defaultContent(facts, body);
  const toolCalls = (content.toolCalls ?? []).map((call, index) => resolveToolCall(call, protocol, serial, index));
  const usage = defaultUsage(protocol, body, facts.reasoningAsked);
  const counted = countsText === true ? { output: usage.reasoning + tokensOf(content.text ?? [], toolCalls) } : {};
  return {
    reasoning: content.reasoning ?? [],
    text: content.text ?? [],
    toolCalls,
    refusal: content.refusal,
    stop: scenario.stop ?? (toolCalls.length > 0 ? "tool" : "end"),
    rawStop: scenario.rawStop,
    usage: { ...usage, ...counted, ...scenario.usage },
    interleaveToolCalls: scenario.interleaveToolCalls ?? false,
  };
}

/** As a model would count its own text: four letters a token, and some for each call. */
function tokensOf(text: readonly string[], calls: readonly ResolvedToolCall[]): number {
  const letters = text.join("").length + calls.reduce((sum, { name, argumentsText }) => sum + name.length + argumentsText.length, 0);
  return 3 + Math.ceil(letters / 4) + calls.length * 8;
}

/** A value that fits a JSON schema (or Gemini's upper-case dialect of it), as a careless model would fill it in. */
function sampleFromSchema(schema: JsonObject, name = "value"): JsonValue {
  const choices = asArray(schema["enum"]);
  if (choices[0] !== undefined) return choices[0];
  if (schema["const"] !== undefined) return schema["const"];
  const variant = asArray(schema["anyOf"])[0] ?? asArray(schema["oneOf"])[0] ?? asArray(schema["allOf"])[0];
  if (variant !== undefined) return sampleFromSchema(asObject(variant), name);
  const type = (asString(schema["type"]) ?? asString(asArray(schema["type"])[0]) ?? "").toLowerCase();
  if (type === "integer" || type === "number") return typeof schema["minimum"] === "number" ? schema["minimum"] : 1;
  if (type === "boolean") return true;
  if (type === "null") return null;
  if (type === "array") return [sampleFromSchema(asObject(schema["items"]), name)];
  const isObjectMeant = type === "object" || (type === "" && schema["properties"] !== undefined);
  return isObjectMeant ? sampleObject(schema) : sampleString(name);
}

/** The text in pieces of `size` code points, so that no surrogate pair is split. */
function cutText(text: string, size: number): readonly string[] {
  const characters = Array.from(text);
  const pieces: string[] = [];
  for (let at = 0; at < characters.length; at += size) pieces.push(characters.slice(at, at + size).join(""));
  return pieces;
}

function namesContent(scenario: Scenario): boolean {
  return (
    scenario.text !== undefined || scenario.toolCalls !== undefined || scenario.reasoning !== undefined || scenario.refusal !== undefined
  );
}

function defaultContent(facts: RequestFacts, body: Uint8Array): Scenario {
  const reasoning = facts.reasoningAsked ? ["Let me think", " about this. ✓"] : [];
  const call = defaultToolCall(facts);
  if (call !== undefined) return { reasoning, toolCalls: [call] };
  if (facts.schema !== undefined) return { reasoning, text: cutText(JSON.stringify(sampleFromSchema(facts.schema)), 8) };
  const token = crc32(body).toString(16).padStart(8, "0");
  return { reasoning, text: ["The answer", ` is ${token}`, " ✓🚀日本語", ' "quoted" \\back', "\nslash."] };
}

function defaultToolCall(facts: RequestFacts): ScenarioToolCall | undefined {
  if (facts.lastTurn !== "user" || facts.toolChoice === "none") return undefined;
  const forced = facts.toolChoice === "auto" ? undefined : facts.toolChoice.force;
  const tool = facts.tools.find((spec) => forced === undefined || spec.name === forced);
  if (tool === undefined) return undefined;
  const input = tool.kind === "custom" ? sampleString("input") : asObject(sampleObject(tool.schema));
  return {
    name: tool.name,
    arguments: input,
    kind: tool.kind,
    ...(tool.namespace === undefined ? {} : { namespace: tool.namespace }),
  };
}

function resolveToolCall(call: ScenarioToolCall, protocol: Protocol, serial: number, index: number): ResolvedToolCall {
  const argumentsText = typeof call.arguments === "string" ? call.arguments : JSON.stringify(call.arguments);
  const number = `${serial.toString(16).padStart(12, "0")}${index.toString(16).padStart(4, "0")}`;
  const prefix = { "anthropic-messages": "toolu_", "gemini-generate": "" }[protocol as string] ?? "call_";
  return {
    name: call.name,
    id: call.id ?? prefix + number,
    argumentsText,
    fragments: call.fragments ?? (argumentsText === "" ? [""] : cutText(argumentsText, 8)),
    namespace: call.namespace,
    kind: call.kind ?? "function",
  };
}

function sampleObject(schema: JsonObject): JsonObject {
  const properties = asObject(schema["properties"]);
  const required = new Set(asArray(schema["required"]));
  // With nothing required, a call without any argument would test little: then every property is filled in.
  const names = Object.keys(properties).filter((key) => required.size === 0 || required.has(key));
  return Object.fromEntries(names.map((key) => [key, sampleFromSchema(asObject(properties[key]), key)]));
}

function sampleString(name: string): string {
  if (/command|cmd|input/i.test(name)) return "printf '%s' \"ok ✓\"";
  if (/path|file/i.test(name)) return "docs/read me.md";
  if (/url|uri/i.test(name)) return "https://example.com/?q=1&r=2";
  if (/city|location/i.test(name)) return "Zürich";
  return `some ${name}`;
}
