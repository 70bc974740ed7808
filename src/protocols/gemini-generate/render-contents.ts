import type { Block, Message, ReasoningBlock, ToolCallBlock } from "../../ir/index.ts";
import { isObject, type WireObject } from "../shared/fields.ts";
import { argumentsJson } from "../shared/free-text-tool.ts";
import { objectText } from "../shared/json-text.ts";
import { nameOfOpaque, type Losses } from "../shared/losses.ts";
import type { WireNames } from "../shared/property-names.ts";
import { arrangeTurns, type PairedResult, type Turn } from "../shared/turns.ts";
import type { ModelTraits } from "./model-traits.ts";
import { renderMedia } from "./render-media.ts";

/** What is sent if no signature is known (Gemini API, "Thought signatures", November 2026). */
const noSignature = "skip_thought_signature_validator";
/** The text of a turn that the vendor requires and the client does not have. */
const emptyTurn = ".";

export interface RenderedContents {
  /** Texts of `systemInstruction`. */
  readonly instructions: readonly string[];
  /** The JSON of `contents`. */
  readonly contents: string;
}

interface Surroundings {
  readonly traits: ModelTraits;
  readonly names: WireNames;
  readonly losses: Losses;
}

/**
 * Renders messages as contents of `user` and `model` in turn. The results of a turn's calls are in one content, in the order of the calls, followed
 * by their images.
 */
export function renderContents(messages: readonly Message[], around: Surroundings): RenderedContents {
  const { losses } = around;
  const covered = coveredThoughts(messages);
  const { instructions, turns } = arrangeTurns(messages, { keeps: (block) => !covered.has(block) && hasPlace(block, losses) }, losses);
  const began: readonly Turn[] =
    turns[0]?.role === "user" ? turns : [{ role: "user", results: [], content: [{ type: "text", text: emptyTurn }] }, ...turns];
  // The current turn is what came after the last message of the user (text beside results does not count); the vendor checks signatures only there.
  const current = began.findLastIndex(({ role, results }) => role === "user" && results.length === 0);
  const contents = began.map((turn, at) =>
    turn.role === "user" ? userContent(turn, around) : modelContent(turn, around.traits.needsSignatures && at > current, around),
  );
  const texts = instructions.flatMap((block) => {
    if (block.type === "text") return block.text === "" ? [] : [block.text];
    if (block.type === "media") losses.drop(block.kind, "The provider accepts only text as instructions.");
    return [];
  });
  return { instructions: texts, contents: `[${contents.join(",")}]` };
}

/** Thoughts without a signature in a turn that has a signature: the vendor needs only what it signed, so they are omitted without a loss. */
function coveredThoughts(messages: readonly Message[]): ReadonlySet<Block> {
  const covered = new Set<Block>();
  let turn: Block[] = [];
  const close = (): void => {
    const isSigned = turn.some((block) => (block.type === "reasoning" || block.type === "tool-call") && isOwn(block));
    if (isSigned) for (const block of turn) if (block.type === "reasoning" && block.proof === undefined) covered.add(block);
    turn = [];
  };
  for (const { role, content } of messages) {
    if (role !== "assistant") close();
    else turn.push(...content);
  }
  close();
  return covered;
}

function isOwn({ proof }: ReasoningBlock | ToolCallBlock): boolean {
  return proof?.protocol === "gemini-generate";
}

/** Whether a block can be part of a turn; if not, its loss is reported. */
function hasPlace(block: Block, losses: Losses): boolean {
  switch (block.type) {
    case "text":
    case "refusal":
      return block.text !== "";
    case "reasoning":
      if (isOwn(block)) return true;
      if (block.text !== "" || block.proof !== undefined)
        losses.drop("thoughts", "The provider accepts only reasoning that it signed itself.");
      return false;
    case "opaque":
      if (block.protocol === "gemini-generate" && isObject(block.value)) return true;
      losses.drop(`items[].${nameOfOpaque(block.value)}`, "The provider's protocol has no such item.");
      return false;
    case "media":
    case "tool-call":
    case "tool-result":
      return true;
  }
}

function userContent({ results, content }: Turn, around: Surroundings): string {
  const responses = results.map((result) => functionResponse(result, around));
  const parts = [
    ...responses.map(({ part }) => part),
    ...responses.flatMap(({ siblings }) => siblings),
    ...content.flatMap((block) => plainPart(block, around)),
  ];
  return contentJson(
    "user",
    parts.map((part) => JSON.stringify(part)),
  );
}

function modelContent({ content }: Turn, mustSign: boolean, around: Surroundings): string {
  let isFirstCall = true;
  const parts = content.flatMap((block, index): string[] => {
    if (block.type === "tool-call") {
      const part = functionCall(block, mustSign && isFirstCall, around);
      isFirstCall = false;
      return [part];
    }
    if (block.type === "reasoning") return isSignatureOf(content[index - 1], block) ? [] : [JSON.stringify(thoughtPart(block))];
    const next = content[index + 1];
    const signature =
      block.type === "text" && next?.type === "reasoning" && isSignatureOf(block, next) ? { thoughtSignature: next.proof?.data } : {};
    return plainPart(block, around).map((part) => JSON.stringify({ ...part, ...signature }));
  });
  return contentJson("model", parts);
}

function contentJson(role: string, parts: readonly string[]): string {
  return `{"role":"${role}","parts":[${parts.join(",")}]}`;
}

/** A proof without text right after a text signs that text, see `parse-contents.ts`. */
function isSignatureOf(previous: Block | undefined, block: ReasoningBlock): boolean {
  return block.text === "" && previous?.type === "text";
}

function thoughtPart({ text, proof, extensions }: ReasoningBlock): WireObject {
  return { text, ...(text === "" ? {} : { thought: true }), thoughtSignature: proof?.data, ...extensions?.["gemini-generate"] };
}

function plainPart(block: Block, { traits, losses }: Surroundings): WireObject[] {
  switch (block.type) {
    case "text":
      losses.dropForeign(block.extensions, "gemini-generate", "content[]");
      return [{ text: block.text, ...block.extensions?.["gemini-generate"] }];
    case "refusal":
      return [{ text: block.text }];
    case "media":
      return [renderMedia(block, traits, losses)];
    case "opaque":
      return [block.value as WireObject];
    case "reasoning":
    case "tool-call":
    case "tool-result":
      return [];
  }
}

/** Renders `{"functionCall":{"id","name","args"},"thoughtSignature"?}`; the arguments are written unchanged, as text. */
function functionCall(block: ToolCallBlock, mustSign: boolean, { names, losses }: Surroundings): string {
  if (block.kind === "function" && objectText(block.arguments) === undefined) {
    losses.emulate("toolCalls.arguments", "The arguments are no JSON object: they go as the string `input`.");
  }
  const name = names.tools.wireName(block);
  const head = JSON.stringify({ name, ...(block.id === "" ? {} : { id: block.id }), ...ownCallFields(block) });
  const own = block.proof?.protocol === "gemini-generate" ? block.proof.data : undefined;
  const signature = own ?? (mustSign ? noSignature : undefined);
  const tail = signature === undefined ? "" : `,"thoughtSignature":${JSON.stringify(signature)}`;
  const args = argumentsJson(block.kind, block.arguments);
  return `{"functionCall":${head.slice(0, -1)},"args":${names.properties.renameArguments(name, args)}}${tail}}`;
}

/** The extensions of this protocol are fields of the call. */
function ownCallFields({ extensions }: ToolCallBlock): WireObject {
  return extensions?.["gemini-generate"] ?? {};
}

/**
 * Renders `{"functionResponse":{"id","name","response":{"output"|"error":text}}}`. Media go inside it on newer models, and beside it on older ones.
 */
function functionResponse(
  { call, result }: PairedResult,
  around: Surroundings,
): { readonly part: WireObject; readonly siblings: readonly WireObject[] } {
  const { names, losses, traits } = around;
  const text = result.content.flatMap((block) => (block.type === "text" || block.type === "refusal" ? [block.text] : [])).join("\n");
  const media = result.content
    .filter((block) => block.type === "media" || (block.type === "opaque" && hasPlace(block, losses)))
    .flatMap((block) => plainPart(block, around));
  const inside = media.filter((part) => traits.takesMediaInResults && part["inlineData"] !== undefined);
  const isInside = new Set(inside);
  const siblings = media.filter((part) => !isInside.has(part));
  const { response, ...own } = result.extensions?.["gemini-generate"] ?? {};
  return {
    part: {
      functionResponse: {
        name: names.tools.wireName(call),
        ...(call.id === "" ? {} : { id: call.id }),
        response: response ?? (result.isError === true ? { error: text } : { output: text }),
        ...(inside.length === 0 ? {} : { parts: inside }),
        ...own,
      },
    },
    siblings,
  };
}
