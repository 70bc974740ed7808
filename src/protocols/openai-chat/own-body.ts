import {
  elementsOf,
  latin1OfUtf8,
  parseLatin1,
  readString,
  scanDocument,
  scanObject,
  skipSpace,
  skipValue,
  type Span,
  type Bytes,
  asBytes,
} from "../../core/index.ts";
import { isObject, type WireObject } from "../shared/fields.ts";
import { Losses } from "../shared/losses.ts";
import type { FittedBody, OwnTarget } from "../protocol.ts";
import type { RenderQuirks } from "../quirks.ts";
import { fitBody, samplingFields } from "./fit-body.ts";
import type { ThinkingWish } from "./fit-tools.ts";

/**
 * Changes the body of a client of this dialect for a server with quirks: what the server would refuse is changed, and all other bytes are kept.
 * `text` is latin1. A body without such fields costs one scan. `undefined`: the body is sent unchanged.
 */
export function fitOwnBody(text: Bytes, target: OwnTarget): FittedBody | undefined {
  const { quirks } = target;
  if (!mayBeRefused(text, quirks)) return undefined;
  target.beforeParse?.(text);
  const body = parseLatin1(text);
  if (!isObject(body)) return undefined;
  const losses = new Losses();
  const changed = rewrite(text, body, fitBody(body, { quirks, wish: wishOf(body), losses, isOwn: true }));
  return changed === undefined ? undefined : { text: changed, losses: losses.list };
}

function wishOf(body: WireObject): ThinkingWish {
  const type = isObject(body["thinking"]) ? body["thinking"]["type"] : undefined;
  const effort = body["reasoning_effort"];
  if (type === "disabled" || effort === "none") return "off";
  return type !== undefined || typeof effort === "string" ? "asked" : "open";
}

/** Whether a body may contain what the server refuses; `false` is certain. */
function mayBeRefused(text: string, quirks: RenderQuirks): boolean {
  const choice = quirks.toolChoice !== undefined || quirks.noForcedToolWhileThinking === true ? ["tool_choice"] : [];
  const format = quirks.responseFormats !== undefined || quirks.noFormatWithTools === true ? ["response_format"] : [];
  const watched = [
    ...new Set([
      ...choice,
      ...format,
      ...(quirks.refusedFields ?? []),
      ...Object.keys(quirks.renamedFields ?? {}),
      ...(quirks.fixedSampling === true ? samplingFields : []),
      ...(quirks.noStreamOptions === true ? ["stream_options"] : []),
      ...(quirks.noEffortWithoutThinking === true ? ["reasoning_effort"] : []),
    ]),
  ];
  if (watched.length === 0 && !looksAtMessages(quirks)) return false;
  const { spans } = scanDocument(text, [...watched, "messages"]);
  if (watched.some((key, index) => spans[index] !== undefined && !(key === "tool_choice" && text.startsWith('"auto"', spans[index].start))))
    return true;
  return looksAtMessages(quirks) && isOrderRefused(text, elementsOf(text, spans.at(-1)), quirks);
}

function looksAtMessages(quirks: RenderQuirks): boolean {
  const { strictTurns, noDeveloperRole, noMessageNames, strictMessages, shortCallIds, noNullContent, echoReasoning } = quirks;
  const flags = [strictTurns, noDeveloperRole, noMessageNames, strictMessages, shortCallIds, noNullContent, echoReasoning];
  return quirks.parts !== undefined || quirks.prefillField !== undefined || flags.includes(true);
}

/** The fields of a message that are checked. */
const messageKeys = ["role", "content", "tool_calls", "tool_call_id", "name", "refusal", "reasoning_content", "reasoning", "annotations"];

function isOrderRefused(text: string, messages: readonly Span[], quirks: RenderQuirks): boolean {
  let before: string | undefined;
  let hasCalls = false;
  for (const [index, message] of messages.entries()) {
    if (!text.startsWith("{", message.start)) return false;
    const [roleSpan, content, calls, id, name, ...others] = scanObject(text, message.start, messageKeys).spans;
    const role = readString(text, roleSpan) ?? "";
    if (quirks.noMessageNames === true && name !== undefined) return true;
    if (quirks.strictMessages === true && others.some((span) => span !== undefined)) return true;
    if (quirks.shortCallIds === true && (calls ?? id) !== undefined) return true;
    if (quirks.strictTurns === true && others[0] !== undefined && !text.startsWith("null", others[0].start)) return true;
    if (role === "developer" && quirks.noDeveloperRole === true) return true;
    if (role === "assistant" && calls !== undefined && quirks.echoReasoning === true && others[1] === undefined) return true;
    if (role === "assistant" && quirks.noNullContent === true && (content === undefined || text.startsWith("null", content.start)))
      return true;
    if (quirks.parts !== undefined && hasParts(text, content)) return true;
    if (quirks.strictTurns === true && isOutOfTurn(role, before, { isFirst: index === 0, hasCalls, quirks })) return true;
    before = role;
    hasCalls = calls !== undefined;
  }
  if (quirks.strictTurns === true && (before === undefined || before === "system")) return true;
  return before === "assistant" && quirks.prefillField !== undefined;
}

interface TurnBefore {
  readonly isFirst: boolean;
  /** The previous message has calls. */
  readonly hasCalls: boolean;
  readonly quirks: RenderQuirks;
}

function isOutOfTurn(role: string, before: string | undefined, { isFirst, hasCalls, quirks }: TurnBefore): boolean {
  if (role === "system" || role === "developer") return !isFirst;
  if (role === "assistant") return before === undefined || before === "system" || (before === "assistant" && !hasCalls);
  return role === "user" && (before === "user" || (before === "tool" && quirks.noUserAfterTool === true));
}

/** Whether a content has parts other than text. */
function hasParts(text: string, content: Span | undefined): boolean {
  if (content === undefined || !text.startsWith("[", content.start)) return false;
  return elementsOf(text, content).some((part) => {
    if (!text.startsWith("{", part.start)) return false;
    return readString(text, scanObject(text, part.start, ["type"]).spans[0]) !== "text";
  });
}

interface Member {
  readonly key: string;
  /** The text of the key and the value. */
  readonly raw: string;
  readonly value: Span;
}

/** Returns the text with the changed members rewritten and the others unchanged. `undefined`: no member differs. */
function rewrite(text: string, before: WireObject, after: WireObject): string | undefined {
  let isChanged = false;
  const out: string[] = [];
  for (const { key, raw, value } of membersOf(text)) {
    const fitted = after[key];
    const print = printFitted(text, { key, raw, value }, before[key], fitted);
    if (print !== raw) isChanged = true;
    if (fitted !== undefined) out.push(print);
  }
  for (const [key, value] of Object.entries(after)) {
    if (value === undefined || key in before) continue;
    isChanged = true;
    out.push(printMember(key, value));
  }
  return isChanged ? `{${out.join(",")}}` : undefined;
}

function printFitted(text: string, { key, raw, value }: Member, before: unknown, after: unknown): string {
  if (before === after || (key === "messages" && isSameList(before, after))) return raw;
  return key === "messages" ? printMessages(text, value, before, after) : printMember(key, after);
}

function printMember(key: string, value: unknown): string {
  return latin1OfUtf8(`${JSON.stringify(key)}:${JSON.stringify(value)}`);
}

/** Messages that are the same objects keep their bytes. */
function printMessages(text: string, list: Span, before: unknown, after: unknown): string {
  if (!Array.isArray(before) || !Array.isArray(after)) return printMember("messages", after);
  const spans = elementsOf(text, list);
  const known = new Map(before.map((message: unknown, index) => [message, spans[index]]));
  const printed = after.map((message: unknown) => {
    const span = known.get(message);
    return span === undefined ? latin1OfUtf8(JSON.stringify(message)) : text.slice(span.start, span.end);
  });
  return `"messages":[${printed.join(",")}]`;
}

function isSameList(before: unknown, after: unknown): boolean {
  if (!Array.isArray(before) || !Array.isArray(after)) return false;
  return before.length === after.length && before.every((message, index) => message === after[index]);
}

/** The members of the document, whose top level has been scanned. */
function membersOf(text: string): readonly Member[] {
  const members: Member[] = [];
  let at = skipSpace(text, text.indexOf("{") + 1);
  while (text.charAt(at) === '"') {
    const keyEnd = skipValue(text, at);
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = skipValue(text, start);
    members.push({ key: String(parseLatin1(asBytes(text.slice(at, keyEnd)))), raw: text.slice(at, end), value: { start, end } });
    at = skipSpace(text, end);
    if (text.charAt(at) === ",") at = skipSpace(text, at + 1);
  }
  return members;
}
