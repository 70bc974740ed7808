import { asObject, asObjects, asString, type JsonObject, type JsonValue } from "../json.ts";

/** What a server answers to a request that it does not take. */
export interface Refusal {
  readonly status: number;
  readonly body: JsonObject;
}

/** A server that speaks OpenAI Chat and is not OpenAI: what it refuses, in the words that it prints. */
export interface ChatServer {
  /** Name of the preset. */
  readonly name: string;
  /** A model for each set of rules that the server has. */
  readonly models: readonly string[];
  /** The refusal of a body of `POST /chat/completions`; `undefined`: the server takes it. */
  readonly refuse: (body: JsonObject) => Refusal | undefined;
  /** How it shows reasoning in an answer. */
  readonly reasoning: "reasoning_content" | "reasoning" | "reasoning_details" | "thinking";
}

export type Check = (body: JsonObject) => Refusal | undefined;

/** The first refusal of several checks. */
export function firstOf(...checks: readonly Check[]): Check {
  return (body) => {
    for (const check of checks) {
      const refusal = check(body);
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  };
}

export function messagesOf(body: JsonObject): readonly JsonObject[] {
  return asObjects(body["messages"]);
}

export function rolesOf(body: JsonObject): readonly string[] {
  return messagesOf(body).map((message) => asString(message["role"]) ?? "");
}

/** The types of all parts of all messages. */
export function partTypesOf(body: JsonObject): readonly string[] {
  return partsOf(body).map((part) => asString(part["type"]) ?? "");
}

export function partsOf(body: JsonObject): readonly JsonObject[] {
  return messagesOf(body).flatMap((message) => asObjects(message["content"]));
}

export function callsOf(message: JsonObject): readonly JsonObject[] {
  return asObjects(message["tool_calls"]);
}

export function isForcedChoice(choice: JsonValue | undefined): boolean {
  return choice === "required" || choice === "any" || typeof asObject(choice)["type"] === "string";
}

/** `{"error":{"message","type","param","code"}}`, as most of them write it. */
export function openAiRefusal(status: number, message: string, type = "invalid_request_error"): Refusal {
  return { status, body: { error: { message, type, param: null, code: null } } };
}

/** A value as it is in a message. */
export function printed(value: JsonValue | undefined): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}
