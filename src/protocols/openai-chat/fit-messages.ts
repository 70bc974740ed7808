import { createHash } from "node:crypto";
import { isAbsent, isObject, type WireObject } from "../shared/fields.ts";
import type { Losses } from "../shared/losses.ts";
import type { RenderQuirks } from "../quirks.ts";
import { fitContent, joinContents, textOf } from "./fit-parts.ts";

/** The text of a turn that a server requires and the conversation does not have. */
const emptyTurn = ".";
/** The assistant's text between the result of a tool and a text of the user. */
const bridge = "Noted.";

/**
 * Whether every server accepts these messages: perhaps one of the system, then turns of user and assistant, all of them plain texts, the last one of
 * the user.
 */
export function arePlainTurns(messages: readonly unknown[]): boolean {
  let before: unknown;
  for (const message of messages) {
    if (!isObject(message) || typeof message["content"] !== "string") return false;
    const { role } = message;
    let fields = 0;
    for (const _ in message) fields++;
    if (fields !== 2 || !mayFollow(role, before)) return false;
    before = role;
  }
  return before === "user";
}

function mayFollow(role: unknown, before: unknown): boolean {
  if (role === "user") return before !== "user";
  return role === "assistant" ? before === "user" : role === "system" && before === undefined;
}

/**
 * Changes messages in OpenAI's form so that a server with these quirks accepts them. A message that needs no change stays the same object, so that a
 * caller can see what has changed.
 */
export function fitMessages(messages: readonly WireObject[], quirks: RenderQuirks, losses: Losses): readonly WireObject[] {
  const single = messages.map((message) => fitMessage(message, quirks, losses));
  const turns = quirks.strictTurns === true ? takeTurns(single, quirks, losses) : single;
  const last = turns.at(-1);
  const { prefillField } = quirks;
  if (prefillField === undefined || last?.["role"] !== "assistant" || last[prefillField] === true) return turns;
  losses.emulate("messages[]", "The last message is marked as the beginning of the answer.");
  return [...turns.slice(0, -1), { ...last, [prefillField]: true }];
}

function fitMessage(message: WireObject, quirks: RenderQuirks, losses: Losses): WireObject {
  let fitted = message;
  const set = (key: string, value: unknown): void => {
    if (fitted[key] !== value) fitted = { ...fitted, [key]: value };
  };
  if (message["role"] === "developer" && (quirks.noDeveloperRole === true || quirks.strictTurns === true)) {
    losses.emulate("messages[]", "Instructions of the developer are sent as those of the system.");
    set("role", "system");
  }
  if (quirks.strictTurns === true || quirks.strictMessages === true) fitted = saidRefusal(fitted, losses);
  if (quirks.parts !== undefined) set("content", fitContent(fitted["content"], quirks.parts, losses));
  if (quirks.noNullContent === true && fitted["role"] === "assistant" && isAbsent(fitted["content"])) {
    losses.emulate("messages[]", "An empty content is sent as an empty text.");
    set("content", "");
  }
  if (quirks.echoReasoning === true && isCalling(fitted) && isAbsent(fitted[reasoningFieldOf(quirks)])) {
    losses.emulate("thoughts", "The provider requires thoughts beside calls: a placeholder is sent.");
    set(reasoningFieldOf(quirks), quirks.reasoningPlaceholder ?? "");
  }
  if (quirks.shortCallIds === true) fitted = withShortIds(fitted, losses);
  return withoutFields(fitted, quirks, losses);
}

function isCalling(message: WireObject): boolean {
  return message["role"] === "assistant" && Array.isArray(message["tool_calls"]) && message["tool_calls"].length > 0;
}

function reasoningFieldOf({ reasoningField = "reasoning_content" }: RenderQuirks): string {
  return reasoningField;
}

/** A refusal becomes the text of the message. */
function saidRefusal(message: WireObject, losses: Losses): WireObject {
  const { refusal, ...rest } = message;
  if (typeof refusal !== "string" || refusal === "") return message;
  losses.emulate("refusal", "The refusal is sent as text.");
  return { ...rest, content: joinContents([rest["content"], refusal]) };
}

const requiredFields: ReadonlySet<string> = new Set(["role", "content", "tool_calls", "tool_call_id"]);

/** Removes the fields that the server refuses. */
function withoutFields(message: WireObject, quirks: RenderQuirks, losses: Losses): WireObject {
  const { strictMessages = false, noMessageNames = false, reasoningField, prefillField } = quirks;
  if (!strictMessages && !noMessageNames) return message;
  const isRefused = (key: string): boolean => {
    if (key === "name") return noMessageNames;
    const isOwn = message["role"] === "assistant" && (key === reasoningField || key === prefillField);
    return strictMessages && !requiredFields.has(key) && !isOwn;
  };
  const refused = Object.keys(message).filter(isRefused);
  if (refused.length === 0) return message;
  for (const key of refused) {
    if (isAbsent(message[key])) losses.emulate(`messages[].${key}`, "The provider refuses the field, which is empty.");
    else if (key === "reasoning_content" || key === "reasoning" || key === "reasoning_details")
      losses.drop("thoughts", "The provider accepts only its own reasoning.");
    else losses.drop(`messages[].${key}`, "The provider refuses the field.");
  }
  return Object.fromEntries(Object.entries(message).filter(([key]) => !refused.includes(key)));
}

/** Changes ids of calls to the form that the server accepts; ids that it made are kept. */
function withShortIds(message: WireObject, losses: Losses): WireObject {
  const calls = message["tool_calls"];
  const id = message["tool_call_id"];
  if (typeof id === "string" && shortId(id) !== id) {
    losses.emulate("toolCalls", "Ids of calls are replaced by nine letters and digits.");
    return { ...message, tool_call_id: shortId(id) };
  }
  if (!Array.isArray(calls) || calls.every((call: unknown) => !isObject(call) || shortId(String(call["id"])) === call["id"]))
    return message;
  losses.emulate("toolCalls", "Ids of calls are replaced by nine letters and digits.");
  return { ...message, tool_calls: calls.map((call: unknown) => (isObject(call) ? { ...call, id: shortId(String(call["id"])) } : call)) };
}

function shortId(id: string): string {
  if (/^[a-zA-Z0-9]{9}$/.test(id)) return id;
  return createHash("sha256")
    .update(id)
    .digest("base64")
    .replaceAll(/[^a-zA-Z0-9]/g, "")
    .slice(0, 9);
}

/** Consecutive messages of one role, which are one message on the wire. */
type Turn = WireObject[];

/** Puts one system message first; then the user and the assistant alternate, beginning with the user. */
function takeTurns(messages: readonly WireObject[], quirks: RenderQuirks, losses: Losses): readonly WireObject[] {
  const found = messages.findIndex(({ role }) => role !== "system");
  const first = found < 0 ? messages.length : found;
  const turns: Turn[] = [];
  for (const message of messages.slice(first)) {
    const turn = message["role"] === "system" ? reminderOf(message, losses) : message;
    if (turn !== undefined) place(turn, turns, quirks, losses);
  }
  if (turns[0]?.[0]?.["role"] !== "user") {
    losses.emulate("messages[]", "The conversation begins with a turn of the user.");
    turns.unshift([{ role: "user", content: emptyTurn }]);
  }
  if (first > 0) turns.unshift(messages.slice(0, first));
  return turns.map((turn) => merge(turn, losses));
}

function reminderOf({ content }: WireObject, losses: Losses): WireObject | undefined {
  losses.emulate("messages[]", "Instructions behind the first turn go as a text of the user's.");
  const text = textOf(content);
  return text.trim() === "" ? undefined : { role: "user", content: `<system-reminder>\n${text}\n</system-reminder>` };
}

function isReminder(text: string): boolean {
  return text.startsWith("<system-reminder>") && text.trimEnd().endsWith("</system-reminder>");
}

/** Adds a message after the others, or into the last turn. */
function place(message: WireObject, turns: Turn[], quirks: RenderQuirks, losses: Losses): void {
  const turn = turns.at(-1);
  const last = turn?.at(-1);
  const { role } = message;
  if (turn === undefined || last === undefined) {
    turns.push([message]);
    return;
  }
  const isSame = last["role"] === role && (role === "user" || (role === "assistant" && isAbsent(last["tool_calls"])));
  if (isSame) {
    turn.push(message);
    return;
  }
  if (quirks.noUserAfterTool === true && last["role"] === "tool" && role === "user") {
    const { content } = message;
    losses.emulate("messages[]", "The provider refuses a message of the user right after the result of a tool.");
    if (typeof content === "string" && isReminder(content)) {
      turn.splice(-1, 1, { ...last, content: joinContents([last["content"], content]) });
      return;
    }
    turns.push([{ role: "assistant", content: bridge }]);
  }
  turns.push([message]);
}

const reasoningFields = ["reasoning_content", "reasoning", "reasoning_details"];

/** Merges messages of one role. */
function merge(turn: Turn, losses: Losses): WireObject {
  const [first] = turn;
  if (turn.length === 1 && first !== undefined) return first;
  losses.emulate("messages[]", "Consecutive messages of one role are merged.");
  const merged: Record<string, unknown> = Object.assign({}, ...turn, { content: joinContents(turn.map(({ content }) => content)) });
  for (const key of reasoningFields) if (merged[key] !== undefined) merged[key] = joinContents(turn.map((message) => message[key]));
  if (merged["name"] !== undefined && turn.some(({ name }) => name !== merged["name"])) {
    losses.drop("messages[].name", "Messages of several speakers are merged.");
    delete merged["name"];
  }
  return merged;
}
