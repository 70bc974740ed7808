import type { Block, ChatResponse, StopReason, Usage } from "../../src/ir/index.ts";
import { AnsweredError, type ClientContext } from "../../src/protocols/index.ts";
import type { ToyCall } from "./request.ts";

export type ToyEnd = "done" | "tool" | "limit";
export type ToyTokens = { readonly in: number; readonly out: number };

export interface ToyAnswer {
  readonly id: string;
  readonly model: string;
  readonly parts: readonly ({ readonly text: string } | { readonly call: ToyCall })[];
  readonly end: ToyEnd;
  readonly tokens: ToyTokens;
}

export interface ToyError {
  readonly error: { readonly status: number; readonly message: string };
}

const reasons: Readonly<Record<ToyEnd, StopReason>> = { done: "stop", tool: "tool-calls", limit: "length" };

export function reasonOf(end: ToyEnd): StopReason {
  return reasons[end];
}

export function endOf(reason: StopReason): ToyEnd {
  if (reason === "tool-calls") return "tool";
  return reason === "length" ? "limit" : "done";
}

export function usageOf(tokens: ToyTokens): Usage {
  return { input: tokens.in, output: tokens.out };
}

export function tokensOf({ input = 0, output = 0 }: Usage): ToyTokens {
  return { in: input, out: output };
}

export function parseAnswer(body: string): ChatResponse {
  const answer = JSON.parse(body) as ToyAnswer | ToyError;
  if ("error" in answer) throw new AnsweredError(answer.error);
  return {
    id: answer.id,
    model: answer.model,
    createdAt: 0,
    content: answer.parts.map((part): Block =>
      "text" in part
        ? { type: "text", text: part.text }
        : { type: "tool-call", kind: "function", id: part.call.id, name: part.call.name, arguments: part.call.args },
    ),
    stopReason: reasonOf(answer.end),
    rawStopReason: answer.end,
    usage: usageOf(answer.tokens),
  };
}

export function renderAnswer({ id, content, stopReason, usage }: ChatResponse, client: ClientContext): string {
  const answer: ToyAnswer = {
    id,
    model: client.model,
    parts: content.flatMap((block): ToyAnswer["parts"] => {
      if (block.type === "text") return [{ text: block.text }];
      return block.type === "tool-call" ? [{ call: { id: block.id, name: block.name, args: block.arguments } }] : [];
    }),
    end: endOf(stopReason),
    tokens: tokensOf(usage),
  };
  return JSON.stringify(answer);
}
