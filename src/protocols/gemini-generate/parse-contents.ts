import type { Block, Message, ReasoningBlock, ReasoningProof, TextBlock } from "../../ir/index.ts";
import { compact, isAbsent, isObject, restOf, type WireObject } from "../shared/fields.ts";
import { readPart } from "../shared/loose-media.ts";
import { extensionsOf, foreignFields, invalidField, join, readObject, requiredString } from "./fields.ts";
import { CallLedger, parseFunctionCall, parseFunctionResponse } from "./parse-calls.ts";
import { parseMedia } from "./parse-media.ts";

type Role = Message["role"];

const knownContent: ReadonlySet<string> = new Set(["role", "parts", "content"]);
const knownText: ReadonlySet<string> = new Set(["text", "thought", "thoughtSignature"]);

const roles: Readonly<Record<string, Role>> = {
  user: "user",
  model: "assistant",
  // Before `functionResponse` parts were part of user contents, they had a role of their own.
  function: "user",
  system: "system",
  // Of other dialects.
  assistant: "assistant",
  tool: "user",
  developer: "system",
};

interface OpenMessage {
  readonly role: Role;
  readonly content: Block[];
  readonly mergeable: boolean;
  readonly extensions: WireObject | undefined;
}

/**
 * Turns contents into messages. Consecutive contents of one role are one message: the Python SDK records one content for each chunk of a stream. For
 * the same reason, consecutive texts of the model are one text, and empty texts are dropped.
 *
 * A signature of a text becomes a reasoning block without text after it; a signature of a function call is the call's proof.
 */
export class ContentsParser {
  readonly #messages: OpenMessage[] = [];
  readonly #calls = new CallLedger();

  get messages(): readonly Message[] {
    return this.#messages
      .filter(({ content }) => content.length > 0)
      .map(({ role, content, extensions }) => compact({ role, content, extensions: extensionsOf(extensions) }));
  }

  /** Adds `systemInstruction`: a content, whose role has no meaning, or a bare text. */
  addInstruction(value: unknown, path: string): void {
    const content = typeof value === "string" ? { parts: [{ text: value }] } : readObject(value, path);
    this.#add(content, "system", path);
  }

  add(value: unknown, path: string): void {
    const content = typeof value === "string" ? { parts: [{ text: value }] } : readObject(value, path);
    const role = content["role"] ?? "user";
    const known = typeof role === "string" && Object.hasOwn(roles, role) ? roles[role] : undefined;
    if (known === undefined) throw invalidField(join(path, "role"), '"user" or "model"');
    this.#add(content, known, path);
  }

  #add(content: WireObject, role: Role, path: string): void {
    const blocks = this.#open(role, restOf(content, knownContent)).content;
    const parts = content["parts"] ?? content["content"];
    // A single part may be without an array if a person wrote it; the SDKs always send an array.
    const list: readonly unknown[] = Array.isArray(parts) || isAbsent(parts) ? (parts ?? []) : [parts];
    for (const [index, part] of list.entries()) this.#addPart(blocks, role, part, join(join(path, "parts"), index));
  }

  #open(role: Role, rest: WireObject | undefined): OpenMessage {
    const last = this.#messages.at(-1);
    if (last !== undefined && last.role === role && last.mergeable && rest === undefined) return last;
    const message = { role, content: [], mergeable: rest === undefined, extensions: rest };
    this.#messages.push(message);
    return message;
  }

  #addPart(blocks: Block[], role: Role, value: unknown, path: string): void {
    const foreign = this.#foreignBlocks(value, path);
    if (foreign !== undefined) {
      blocks.push(...foreign);
      return;
    }
    const part = readObject(value, path);
    if (typeof part["text"] === "string") addText(blocks, role, part, path);
    else if (part["functionCall"] !== undefined)
      blocks.push(compact({ proof: proofOf(part), ...parseFunctionCall(part, this.#calls, path) }));
    else if (part["functionResponse"] !== undefined) blocks.push(parseFunctionResponse(part, this.#calls, path));
    else blocks.push(parseMedia(part, path) ?? { type: "opaque", protocol: "gemini-generate", value: part });
  }

  /** The blocks of a bare text, or of a part that has a type, as parts of other dialects do; `undefined` for any other part. */
  #foreignBlocks(value: unknown, path: string): readonly Block[] | undefined {
    if (typeof value === "string") return [{ type: "text", text: value }];
    if (!isObject(value) || typeof value["type"] !== "string") return undefined;
    const blocks = readPart(value, path, noOwnPart, foreignFields);
    for (const block of blocks ?? []) if (block.type === "tool-call") this.#calls.addCall(block.id, block.name);
    return blocks;
  }
}

/** A part of this dialect has no type. */
function noOwnPart(): undefined {}

function addText(blocks: Block[], role: Role, part: WireObject, path: string): void {
  const proof = proofOf(part);
  const text = requiredString(part, "text", path);
  const extensions = extensionsOf(restOf(part, knownText));
  if (part["thought"] === true) {
    addThought(blocks, compact({ type: "reasoning" as const, text, proof, extensions }));
    return;
  }
  const last = blocks.at(-1);
  if (text !== "") {
    const isContinued = role === "assistant" && last?.type === "text" && last.extensions === undefined && extensions === undefined;
    if (isContinued) blocks[blocks.length - 1] = { ...last, text: last.text + text };
    else blocks.push(compact({ type: "text" as const, text, extensions }) satisfies TextBlock);
  }
  if (proof !== undefined) blocks.push({ type: "reasoning", text: "", proof });
}

/** Consecutive thoughts are one, up to and including a signed one. */
function addThought(blocks: Block[], thought: ReasoningBlock): void {
  const last = blocks.at(-1);
  const isContinued = last?.type === "reasoning" && last.proof === undefined && last.extensions === undefined;
  if (isContinued) blocks[blocks.length - 1] = { ...thought, text: last.text + thought.text };
  else if (thought.text !== "" || thought.proof !== undefined) blocks.push(thought);
}

/** What clients send if they do not have the signature (Gemini API, "Thought signatures", November 2026). */
const placeholders: ReadonlySet<unknown> = new Set(["", "skip_thought_signature_validator", "context_engineering_is_the_way_to_go"]);

function proofOf({ thoughtSignature: data }: { readonly thoughtSignature?: unknown }): ReasoningProof | undefined {
  return typeof data === "string" && !placeholders.has(data) ? { protocol: "gemini-generate", kind: "signature", data } : undefined;
}
