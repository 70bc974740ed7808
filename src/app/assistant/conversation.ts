import type { ChatResponse, FunctionTool, JsonSchema, Message, ToolCallBlock } from "../../ir/index.ts";
import * as z from "zod";
import type { Documentation } from "./documentation.ts";
import { instructions } from "./instructions.ts";
import type { Masker } from "./masker.ts";
import { ModelError, type ModelClient } from "./model-client.ts";
import { ToolRunner, type ChangeRecord, type ToolRunnerDeps } from "./tool-runner.ts";
import type { Tool } from "./tool.ts";

export interface ConversationDeps extends Omit<ToolRunnerDeps, "question"> {
  readonly model: ModelClient;
  readonly documentation: Documentation;
  readonly masker: Masker;
  readonly tools: readonly Tool[];
  readonly version: string;
  /** Why the configuration file cannot be used; `undefined`: it can. */
  readonly notice?: string | undefined;
}

export interface AskOptions {
  /** Gets the answer's text as it comes, with secrets in it if the model knows some. */
  readonly onText?: (text: string) => void;
  readonly signal?: AbortSignal;
}

/** What became of a question. */
export interface Outcome {
  /** Without secrets. */
  readonly answer: string;
  readonly changes: readonly ChangeRecord[];
  /** Names of the tools that were called, in order. */
  readonly calls: readonly string[];
}

/** A model that calls tools again and again is stopped. */
const maxRounds = 16;
/** Earlier turns are left out of a longer conversation. */
const maxCharacters = 160_000;
const excerpts = 5;

/** A conversation with a model that has tools. */
export class Conversation {
  readonly #deps: ConversationDeps;
  readonly #runner: ToolRunner;
  /** Each question with all that belongs to its answer. */
  #turns: Message[][] = [];
  #hasTools = true;
  /** As the model gets them. */
  #tools: FunctionTool[] | undefined;

  constructor(deps: ConversationDeps) {
    this.#deps = deps;
    this.#runner = new ToolRunner(deps);
  }

  /** @throws ModelError; an `AbortError` if the answer was stopped. In both cases the conversation goes on with the next question. */
  async ask(typed: string, options: AskOptions = {}): Promise<Outcome> {
    const question = this.#deps.masker.take(typed);
    const turn: Message[] = [];
    this.#turns.push(turn);
    this.#runner.begin(question);
    try {
      turn.push(textMessage("user", this.#withExcerpts(question)));
      const answer = await this.#answer(turn, question, options);
      return { answer: this.#deps.masker.mask(answer), ...this.#runner.report() };
    } catch (error) {
      // What was changed is known to the user; a turn without its answer would confuse the model.
      this.#turns = this.#turns.filter((other) => other !== turn);
      throw error;
    }
  }

  /** Takes back the last change of the conversation. @returns what was done, in one sentence. */
  undo(): Promise<string> {
    return this.#runner.undo();
  }

  clear(): void {
    this.#turns = [];
    this.#runner.forget();
  }

  /** Questions and answers, without secrets. */
  transcript(): string {
    const { masker } = this.#deps;
    const parts = this.#turns.flat().flatMap(({ role, content }) =>
      content.flatMap((block) => {
        if (block.type === "text") return [`## ${role === "user" ? "Question" : "Answer"}\n\n${block.text}`];
        return block.type === "tool-call" ? [`> ${block.name} ${block.arguments}`] : [];
      }),
    );
    return masker.mask(`${parts.join("\n\n")}\n`);
  }

  async #answer(turn: Message[], question: string, options: AskOptions): Promise<string> {
    for (let round = 0; round < maxRounds; round++) {
      const response = await this.#askModel(turn, question, options);
      turn.push({ role: "assistant", content: response.content });
      const calls = response.content.filter((block) => block.type === "tool-call");
      const text = textOf(response);
      if (calls.length === 0) return text === "" ? `The model gave no answer (${response.rawStopReason ?? response.stopReason}).` : text;
      turn.push(await this.#runCalls(calls, options.signal));
      options.onText?.("\n");
    }
    return `The model has called tools ${maxRounds} times without an answer, and was stopped.`;
  }

  async #askModel(turn: Message[], question: string, { onText, signal }: AskOptions): Promise<ChatResponse> {
    const ask = () =>
      this.#deps.model.ask(
        {
          messages: [textMessage("system", this.#instructions()), ...this.#history()],
          ...(this.#hasTools ? { tools: (this.#tools ??= toolList(this.#deps)) } : {}),
        },
        { ...(onText === undefined ? {} : { onText }), signal },
      );
    try {
      return await ask();
    } catch (error) {
      if (!this.#hasTools || !isRefusalOfTools(error)) throw error;
      // It answers from the documentation alone.
      this.#hasTools = false;
      turn.splice(0, turn.length, textMessage("user", this.#withExcerpts(question)));
      return await ask();
    }
  }

  async #runCalls(calls: readonly ToolCallBlock[], signal: AbortSignal | undefined): Promise<Message> {
    const content: Message["content"][number][] = [];
    for (const { id, name, arguments: text } of calls) {
      signal?.throwIfAborted();
      const { text: result, isError } = await this.#runner.run(name, text);
      content.push({ type: "tool-result", callId: id, name, content: [{ type: "text", text: result }], ...(isError ? { isError } : {}) });
    }
    return { role: "user", content };
  }

  /** For a model without tools. */
  #withExcerpts(question: string): string {
    if (this.#hasTools) return question;
    const found = this.#deps.documentation.search(question, excerpts);
    const parts = found.map(({ page, heading, text }) => `docs/${page}, ${heading}:\n${text}`);
    return `${question}\n\nParts of the documentation that may have the answer:\n\n${parts.join("\n\n---\n\n")}`;
  }

  #instructions(): string {
    const { isReadOnly, version, notice } = this.#deps;
    return instructions({ isReadOnly, hasTools: this.#hasTools, version, notice });
  }

  #history(): Message[] {
    const kept: Message[][] = [];
    let size = 0;
    for (const turn of this.#turns.toReversed()) {
      size += JSON.stringify(turn).length;
      if (size > maxCharacters && kept.length > 0) break;
      kept.unshift(turn);
    }
    this.#turns = kept;
    return kept.flat();
  }
}

function toolList({ tools, isReadOnly }: ConversationDeps): FunctionTool[] {
  return tools
    .filter(({ kind }) => kind === "read" || !isReadOnly)
    .map(({ name, description, parameters }) => ({ type: "function" as const, name, description, parameters: schemaOf(parameters) }));
}

function schemaOf(parameters: z.ZodObject): JsonSchema {
  const { $schema: _, $defs: __, ...schema } = z.toJSONSchema(parameters, { io: "input", reused: "inline" });
  return inlined(schema, __ ?? {}) as JsonSchema;
}

/** Schemas with a name of their own are put where they are used: not every server reads references. */
function inlined(schema: unknown, definitions: Readonly<Record<string, unknown>>): unknown {
  if (Array.isArray(schema)) return schema.map((item) => inlined(item, definitions));
  if (typeof schema !== "object" || schema === null) return schema;
  const reference = (schema as { readonly $ref?: unknown }).$ref;
  if (typeof reference === "string") {
    const { id: _, ...found } = (definitions[reference.replace("#/$defs/", "")] ?? {}) as Readonly<Record<string, unknown>>;
    return inlined(found, definitions);
  }
  return Object.fromEntries(Object.entries(schema).map(([key, item]) => [key, inlined(item, definitions)]));
}

function textMessage(role: "system" | "user", text: string): Message {
  return { role, content: [{ type: "text", text }] };
}

function textOf({ content }: ChatResponse): string {
  return content.flatMap((block) => (block.type === "text" || block.type === "refusal" ? [block.text] : [])).join("");
}

/** Servers of models that have no tools say so with a 400: Ollama "… does not support tools", vLLM "tool choice requires …". */
function isRefusalOfTools(error: unknown): boolean {
  return error instanceof ModelError && [400, 404, 422, 501].includes(error.status) && /\btools?\b|function call/i.test(error.message);
}
