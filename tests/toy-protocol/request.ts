import type { ChatRequest, FunctionTool, Message, ToolCallBlock } from "../../src/ir/index.ts";
import type { Rendered, RenderTarget } from "../../src/protocols/index.ts";
import { Losses } from "../../src/protocols/shared/losses.ts";
import { toyId } from "./id.ts";

/** A call of a tool; `args` is JSON text. */
export interface ToyCall {
  readonly id: string;
  readonly name: string;
  readonly args: string;
}

/** One turn: `rules` are instructions, `tool` is the result of the call `id`. */
export interface ToyTurn {
  readonly who: "rules" | "user" | "model" | "tool";
  readonly text: string;
  readonly calls?: readonly ToyCall[];
  readonly id?: string;
}

export interface ToyRequest {
  readonly model: string;
  readonly stream?: boolean;
  readonly say: readonly ToyTurn[];
  readonly tools?: readonly { readonly name: string; readonly about?: string; readonly takes?: FunctionTool["parameters"] }[];
  readonly limit?: number;
}

const roles = { rules: "system", user: "user", model: "assistant", tool: "user" } as const;

export function parseRequest(wire: unknown): ChatRequest {
  const { model, stream = false, say, tools, limit } = wire as ToyRequest;
  return {
    model,
    stream,
    messages: say.map(messageOf),
    ...(limit === undefined ? {} : { maxOutputTokens: limit }),
    ...(tools === undefined
      ? {}
      : {
          tools: tools.map(({ name, about, takes }) => ({
            type: "function",
            name,
            ...(about === undefined ? {} : { description: about }),
            ...(takes === undefined ? {} : { parameters: takes }),
          })),
        }),
  };
}

function messageOf({ who, text, calls = [], id }: ToyTurn): Message {
  if (who === "tool") return { role: "user", content: [{ type: "tool-result", callId: id ?? "", content: [{ type: "text", text }] }] };
  const blocks = calls.map((call): ToolCallBlock => ({
    type: "tool-call",
    kind: "function",
    id: call.id,
    name: call.name,
    arguments: call.args,
  }));
  return { role: roles[who], content: [...(text === "" ? [] : [{ type: "text" as const, text }]), ...blocks] };
}

export function renderRequest(request: ChatRequest, { model, stream }: RenderTarget): Rendered<string> {
  const losses = new Losses();
  losses.dropForeign(request.extensions, toyId, "request");
  if (request.temperature !== undefined) losses.drop("temperature", "The provider has no such parameter.");
  const wire: ToyRequest = {
    model,
    stream,
    say: request.messages.flatMap(turnsOf),
    ...(request.maxOutputTokens === undefined ? {} : { limit: request.maxOutputTokens }),
    ...(request.tools === undefined
      ? {}
      : {
          tools: request.tools.flatMap((tool) =>
            tool.type === "function" ? [{ name: tool.name, about: tool.description ?? "", takes: tool.parameters ?? {} }] : [],
          ),
        }),
  };
  return { value: JSON.stringify(wire), losses: losses.list };
}

function turnsOf({ role, content }: Message): readonly ToyTurn[] {
  const text = textOf(content);
  const calls = content.flatMap((block) => (block.type === "tool-call" ? [{ id: block.id, name: block.name, args: block.arguments }] : []));
  const results = content.flatMap((block): readonly ToyTurn[] =>
    block.type === "tool-result" ? [{ who: "tool", id: block.callId, text: textOf(block.content) }] : [],
  );
  const names = { system: "rules", developer: "rules", user: "user", assistant: "model" } as const;
  const isEmpty = text === "" && calls.length === 0;
  return [...results, ...(isEmpty ? [] : [{ who: names[role], text, ...(calls.length === 0 ? {} : { calls }) }])];
}

function textOf(content: Message["content"]): string {
  return content.map((block) => (block.type === "text" ? block.text : "")).join("");
}
