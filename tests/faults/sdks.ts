import Anthropic, { APIError as AnthropicError } from "@anthropic-ai/sdk";
import { ApiError as GenaiError, GoogleGenAI } from "@google/genai";
import OpenAI, { APIError as OpenAIError } from "openai";
import { FAULT_TEXT } from "../testbed/fault-wire.ts";
import type { Protocol } from "../testbed/scenario.ts";

/** The clients that people use, one for each dialect. They send each request once. */
export interface Sdks {
  readonly openai: OpenAI;
  readonly anthropic: Anthropic;
  readonly genai: GoogleGenAI;
}

export function createSdks(url: string, key: string): Sdks {
  return {
    openai: new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0, timeout: 30_000 }),
    anthropic: new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0, timeout: 30_000 }),
    genai: new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: url } }),
  };
}

/** What an SDK has given to its program so far. */
interface Received {
  text: string;
  /** It saw what the dialect has for a good end. */
  isComplete: boolean;
}

const wholeText = FAULT_TEXT.join("");
const question = "hi";

/**
 * Asks through the SDK of a dialect. @returns in words what the program saw: `whole`, `502 upstream_timeout`, `part, then upstream_timeout` (an error after content),
 * `nothing, then …` (an error in a stream without content), `whole without text`, or what no program should see: the SDK's own exception.
 */
export async function askSdk(sdks: Sdks, dialect: Protocol, stream: boolean, model: string): Promise<string> {
  const received: Received = { text: "", isComplete: false };
  try {
    await ask[dialect](sdks, stream, model, received);
  } catch (error) {
    return describeError(error, received);
  }
  if (!received.isComplete) return `an end without an error after ${JSON.stringify(received.text)}`;
  if (received.text === wholeText) return "whole";
  return received.text === "" ? "whole without text" : `whole: ${received.text}`;
}

type Ask = (sdks: Sdks, stream: boolean, model: string, received: Received) => Promise<void>;

const ask: Readonly<Record<Protocol, Ask>> = {
  async "openai-chat"({ openai }, stream, model, received) {
    const messages = [{ role: "user" as const, content: question }];
    if (!stream) {
      const { choices } = await openai.chat.completions.create({ model, messages });
      received.text = choices[0]!.message.content ?? "";
      received.isComplete = choices[0]!.finish_reason !== null;
      return;
    }
    const options = { include_usage: true };
    for await (const { choices } of await openai.chat.completions.create({ model, messages, stream, stream_options: options })) {
      received.text += choices[0]?.delta.content ?? "";
      received.isComplete ||= choices[0]?.finish_reason != null;
    }
  },
  async "openai-responses"({ openai }, stream, model, received) {
    if (!stream) {
      const { output_text: text, status } = await openai.responses.create({ model, input: question });
      Object.assign(received, { text, isComplete: status === "completed" });
      return;
    }
    for await (const event of await openai.responses.create({ model, input: question, stream })) {
      if (event.type === "response.output_text.delta") received.text += event.delta;
      if (event.type === "response.completed") received.isComplete = true;
      if (event.type === "response.failed") throw new Failure(event.response.error?.code ?? "no code");
      if (event.type === "error") throw new Failure(event.code ?? "no code");
    }
  },
  async "anthropic-messages"({ anthropic }, stream, model, received) {
    const request = { model, max_tokens: 100, messages: [{ role: "user" as const, content: question }] };
    if (!stream) {
      const { content, stop_reason: stop } = await anthropic.messages.create(request);
      received.text = content.map((block) => (block.type === "text" ? block.text : "")).join("");
      received.isComplete = stop !== null;
      return;
    }
    for await (const event of await anthropic.messages.create({ ...request, stream })) {
      if (event.type === "content_block_delta" && event.delta.type === "text_delta") received.text += event.delta.text;
      if (event.type === "message_stop") received.isComplete = true;
    }
  },
  async "gemini-generate"({ genai }, stream, model, received) {
    if (!stream) {
      const { candidates } = await genai.models.generateContent({ model, contents: question });
      received.text = (candidates?.[0]?.content?.parts ?? []).map(({ text }) => text ?? "").join("");
      received.isComplete = candidates?.[0]?.finishReason !== undefined;
      return;
    }
    for await (const { candidates } of await genai.models.generateContentStream({ model, contents: question })) {
      for (const { text } of candidates?.[0]?.content?.parts ?? []) received.text += text ?? "";
      received.isComplete ||= candidates?.[0]?.finishReason !== undefined;
    }
  },
};

/** An error event that the SDK hands out as an event. */
class Failure extends Error {}

function describeError(error: unknown, { text }: Received): string {
  const before = text === "" ? "nothing" : "part";
  if (error instanceof Failure) return `${before}, then ${error.message}`;
  // OpenAI's own errors have a code or only a type.
  if (error instanceof OpenAIError && error.type !== undefined) return inWords(error.status, error.code ?? error.type, before);
  if (error instanceof AnthropicError && error.error !== undefined) {
    const { error: detail } = error.error as {
      readonly error: { readonly type: string; readonly details?: { readonly error_code?: string } };
    };
    return inWords(error.status, detail.details?.error_code ?? detail.type, before);
  }
  if (error instanceof GenaiError) return describeGenai(error, before);
  return `${before}, then an exception of the SDK: ${String(error)}`;
}

/** Its message is the body, which the SDK has read as JSON. */
function describeGenai({ status, message }: GenaiError, before: string): string {
  const json = message.slice(message.indexOf("{"));
  const { error } = JSON.parse(json) as {
    readonly error: { readonly status: string; readonly details?: readonly { readonly reason?: string }[] };
  };
  const code = error.details?.find(({ reason }) => reason !== undefined)?.reason ?? error.status;
  return inWords(message.startsWith("{") ? status : undefined, code, before);
}

/** @param status of the answer; `undefined`: the error came in a stream. */
function inWords(status: number | undefined, code: string, before: string): string {
  return status === undefined || status === 200 ? `${before}, then ${code}` : `${status} ${code}`;
}
