import {
  elementsOf,
  holdsMark,
  latin1OfUtf8,
  memberIn,
  memberOf,
  parseSpan,
  readString,
  scanDocument,
  sealMark,
  type Edit,
  type Span,
} from "../../core/index.ts";
import type { ProtocolId } from "../../ir/index.ts";

/** What Gemini takes for a signature that nobody has (Gemini API, "Thought signatures", November 2026). */
const noSignature = '"skip_thought_signature_validator"';

/**
 * Edits that take seals out of a body that goes to its own protocol's vendor as it is: earlier turns of the conversation were another provider's, and
 * the vendor refuses what it did not sign. `text` is latin1. A body without seals costs one search for their mark.
 * @throws GatewayError `invalid_json`, `ambiguous_json` where the body can't be edited for sure.
 */
export function withoutSeals(text: string, protocol: ProtocolId): readonly Edit[] {
  if (!holdsMark(text, sealMark, "kligen")) return [];
  switch (protocol) {
    case "anthropic-messages":
      return stripMessages(text);
    case "openai-responses":
      return editsOf(text, memberOf(text, "input"), (item) => (hasSeal(text, item, "encrypted_content") ? "remove" : []));
    case "gemini-generate":
      return editsOf(text, memberOf(text, "contents"), (content) =>
        editsOf(text, memberIn(text, content, "parts"), (part) => stripPart(text, part)),
      );
    case "openai-chat":
      return editsOf(text, memberOf(text, "messages"), (message) =>
        editsOf(text, memberIn(text, message, "tool_calls"), (call) => stripCall(text, call)),
      );
  }
}

/** Thinking blocks go, and messages of nothing else. */
function stripMessages(text: string): readonly Edit[] {
  const top = scanDocument(text, ["messages", "thinking", "context_management"]);
  const [messages, thinking, context] = top.spans;
  let isStepUnsigned = false;
  const edits = editsOf(text, messages, (message) => {
    const role = readString(text, memberIn(text, message, "role"));
    const blocks = elementsOf(text, memberIn(text, message, "content"));
    const types = blocks.map((block) => readString(text, memberIn(text, block, "type")));
    if (role === "user" && !types.includes("tool_result")) isStepUnsigned = false;
    const sealed = new Set(blocks.filter((block) => hasSeal(text, block, "signature")).map(({ start }) => start));
    if (sealed.size === 0) return [];
    const rest = types.length - sealed.size;
    const isSigned = types.filter((type) => type === "thinking" || type === "redacted_thinking").length > sealed.size;
    if (types.includes("tool_use") && !isSigned) isStepUnsigned = true;
    return rest === 0 ? "remove" : editsOf(text, memberIn(text, message, "content"), (block) => (sealed.has(block.start) ? "remove" : []));
  });
  // With a budget the vendor refuses to think on where the turn's calls do not begin with thinking that it signed.
  const isBudget = thinking !== undefined && readString(text, memberIn(text, thinking, "type")) === "enabled";
  if (!isStepUnsigned || !isBudget) return edits;
  // Nor does it take rules for clearing thinking where there is none (Anthropic API, "Context editing", November 2026).
  const rules = editsOf(text, memberIn(text, context, "edits"), (rule) =>
    readString(text, memberIn(text, rule, "type"))?.startsWith("clear_thinking") === true ? "remove" : [],
  );
  return [...edits, ...rules, { ...thinking, text: '{"type":"disabled"}' }].sort((one, other) => one.start - other.start);
}

function stripPart(text: string, part: Span): readonly Edit[] | "remove" {
  const signature = memberIn(text, part, "thoughtSignature");
  if (signature === undefined || !isSeal(text, signature)) return [];
  if (memberIn(text, part, "functionCall") !== undefined) return [{ ...signature, text: noSignature }];
  const { thoughtSignature: _, ...rest } = parseSpan(text, part) as { readonly thoughtSignature: unknown; readonly text?: unknown };
  return rest.text === "" || Object.keys(rest).length === 0 ? "remove" : [{ ...part, text: latin1OfUtf8(JSON.stringify(rest)) }];
}

/** Arguments are a string, so that a call can be written anew. */
function stripCall(text: string, call: Span): readonly Edit[] {
  const google = memberIn(text, memberIn(text, call, "extra_content"), "google");
  if (!hasSeal(text, google, "thought_signature")) return [];
  const { extra_content: _, ...rest } = parseSpan(text, call) as { readonly extra_content: unknown };
  return [{ ...call, text: latin1OfUtf8(JSON.stringify(rest)) }];
}

function hasSeal(text: string, object: Span | undefined, key: string): boolean {
  const value = memberIn(text, object, key);
  return value !== undefined && isSeal(text, value);
}

function isSeal(text: string, value: Span): boolean {
  return text.startsWith(`"${sealMark}`, value.start);
}

/** The edits of an array's elements; those that are removed go with the comma beside them. */
function editsOf(text: string, array: Span | undefined, plan: (element: Span) => readonly Edit[] | "remove"): readonly Edit[] {
  const elements = elementsOf(text, array);
  const edits: Edit[] = [];
  let removedFrom: number | undefined;
  elements.forEach((element, index) => {
    const planned = plan(element);
    if (planned === "remove") {
      removedFrom ??= index;
      return;
    }
    if (removedFrom !== undefined) edits.push({ start: elements[removedFrom]!.start, end: element.start, text: "" });
    removedFrom = undefined;
    edits.push(...planned);
  });
  if (removedFrom !== undefined) {
    const before = elements[removedFrom - 1]?.end ?? elements[removedFrom]!.start;
    edits.push({ start: before, end: elements.at(-1)!.end, text: "" });
  }
  return edits;
}
