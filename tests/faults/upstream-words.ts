import type { Fault, FaultContext } from "../testbed/fault-wire.ts";
import { chunk, healthyJson, healthyScript, send } from "../testbed/fault-wire.ts";
import type { Protocol } from "../testbed/scenario.ts";

/** What an upstream says of an error. `all`: in every other field of it too. */
export interface Words {
  readonly status: number;
  readonly message: string;
  readonly all?: string;
}

/** The body in place of a good one: a JSON text, or frames of a stream. Nothing: the good one, in which the model may have another name. */
export interface Body {
  readonly whole?: string;
  readonly frames?: readonly string[];
  readonly model?: string;
}

export interface Head {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Stands in the status line, an interim answer, headers and trailers. */
  readonly said?: string;
}

/** An error in the vendor's form. */
export function errorBody(protocol: Protocol, { status, message, all }: Words): object {
  const word = (usual: string): string => all ?? usual;
  switch (protocol) {
    case "openai-chat":
    case "openai-responses":
      return { error: { message, type: word("rate_limit_error"), param: word("input"), code: all ?? status } };
    case "anthropic-messages":
      return { type: "error", error: { type: word("rate_limit_error"), message, details: { error_code: word("slow") } }, request_id: all };
    case "gemini-generate": {
      const info = { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: word("SLOW"), domain: all };
      return { error: { code: status, message, status: word("RESOURCE_EXHAUSTED"), details: [info] } };
    }
  }
}

/** All ways in which an error comes with status 200 before anything of an answer. */
export function inPlaceOfAnswer(
  protocol: Protocol,
  stream: boolean,
  words: Words,
): readonly { readonly name: string; readonly play: Fault["play"] }[] {
  const head = words.all === undefined ? {} : { said: words.all };
  const answers = [{ name: "an error as JSON", play: play({ whole: JSON.stringify(errorBody(protocol, words)) }, head) }];
  if (protocol === "openai-chat") {
    const choice = { index: 0, message: { role: "assistant", content: "half" }, finish_reason: "error", ...errorBody(protocol, words) };
    answers.push({
      name: "an error in a choice",
      play: play({ whole: JSON.stringify({ id: "c", model: "m", choices: [choice], usage }) }, head),
    });
  }
  if (protocol === "openai-responses") {
    const failed = { ...healthyJson(protocol), status: "failed", output: [], ...errorBody(protocol, words) };
    answers.push({ name: "a response that failed", play: play({ whole: JSON.stringify(failed) }, head) });
  }
  if (!stream) return answers;
  answers.push({ name: "an error as the first event", play: play(streamOf(protocol, words, "first"), head) });
  answers.push({
    name: "an error without its name as the first event",
    play: play({ frames: [dataOf({ ...errorBody(protocol, words), type: undefined })] }, head),
  });
  if (protocol === "openai-chat") {
    const choices = [{ index: 0, delta: {}, finish_reason: "error", ...errorBody(protocol, words) }];
    answers.push({ name: "an error in the choice of a chunk", play: play({ frames: [dataOf({ id: "c", model: "m", choices })] }, head) });
  }
  return answers;
}

const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };

function dataOf(event: object): string {
  return `data: ${JSON.stringify(event)}\n\n`;
}

/** A stream with words: an error as its first event or after the first content, a comment, or a text in place of an event's JSON. */
export function streamOf(protocol: Protocol, words: Words, place: "first" | "later" | "comment" | "text"): Body {
  const { opening, pieces, finish, end } = healthyScript(protocol);
  const before = [opening, pieces[0]!];
  switch (place) {
    case "first":
      return { frames: [errorEvent(protocol, words)] };
    case "later":
      return { frames: [...before, errorEvent(protocol, words)] };
    case "comment":
      return { frames: [`: ${words.message}\n\n`, ...before, `: ${words.message}\nid: ${words.message}\n${pieces[1]!}`, finish, end] };
    case "text":
      return { frames: [...before, `data: ${words.message}\n\n`, finish, end] };
  }
}

function errorEvent(protocol: Protocol, words: Words): string {
  const body = errorBody(protocol, words);
  if (protocol === "openai-responses") {
    const response = { ...healthyJson(protocol), status: "failed", output: [], ...body };
    return `event: response.failed\n${dataOf({ type: "response.failed", sequence_number: 9, response })}`;
  }
  return protocol === "anthropic-messages" ? `event: error\n${dataOf(body)}` : dataOf(body);
}

/** Answers so. */
export function play(body: Body, { status = 200, headers = {}, said }: Head): Fault["play"] {
  return async (context: FaultContext) => {
    const { whole, frames } = bodyOf(context, body);
    const type = frames === undefined ? "application/json" : "text/event-stream";
    const spoken =
      said === undefined
        ? {}
        : { "x-debug-auth": said, "x-ratelimit-note": said, "server-timing": said, "x-request-id": said, server: said };
    const lines = Object.entries({ "content-type": type, "transfer-encoding": "chunked", ...spoken, ...headers }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    );
    const interim = said === undefined ? "" : `HTTP/1.1 103 Early Hints\r\nlink: ${said}\r\n\r\n`;
    const trailer = said === undefined ? "" : `x-debug-trailer: ${said}\r\n`;
    const parts = frames ?? [whole!];
    await send(
      context,
      Buffer.concat([
        Buffer.from(`${interim}HTTP/1.1 ${status} ${said ?? "Fine"}\r\n${lines.join("")}\r\n`),
        ...parts.filter((part) => part !== "").map((part) => chunk(part)),
        Buffer.from(`0\r\n${trailer}\r\n`),
      ]),
    );
  };
}

function bodyOf(
  { protocol, isStream }: FaultContext,
  { whole, frames, model }: Body,
): { readonly whole?: string; readonly frames?: readonly string[] } {
  if (whole !== undefined) return { whole };
  if (frames !== undefined) return { frames };
  const { opening, pieces, finish, end } = healthyScript(protocol);
  const named = (text: string): string =>
    model === undefined
      ? text
      : text.replaceAll(/"(model|modelVersion)":"[^"]*"/g, `"$1":${JSON.stringify(model).replaceAll("$", "$$$$")}`);
  return isStream ? { frames: [opening, ...pieces, finish, end].map(named) } : { whole: named(JSON.stringify(healthyJson(protocol))) };
}
