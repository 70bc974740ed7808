import { createHash } from "node:crypto";
import { isAbsent, isObject, type WireObject } from "../fields.ts";
import type { Losses } from "../losses.ts";
import type { RenderQuirks } from "../quirks.ts";
import { fitContent, joinContents, textOf } from "./fit-parts.ts";

/** What stands for a turn that a server wants and the conversation does not have. */
const emptyTurn = ".";
/** Stands between the result of a tool and words of the user. */
const bridge = "Noted.";

/**
 * Messages in OpenAI's form, made such that a server with these quirks takes them. What needs no change stays the same object, so that a caller sees what
 * has changed.
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
    losses.emulate("messages[]", "Instructions of the developer go as those of the system.");
    set("role", "system");
  }
  if (quirks.strictTurns === true || quirks.strictMessages === true) fitted = saidRefusal(fitted, losses);
  if (quirks.parts !== undefined) set("content", fitContent(fitted["content"], quirks.parts, losses));
  if (quirks.noNullContent === true && fitted["role"] === "assistant" && isAbsent(fitted["content"])) {
    losses.emulate("messages[]", "An empty content goes as an empty text.");
    set("content", "");
  }
  if (quirks.echoReasoning === true && isCalling(fitted) && isAbsent(fitted[reasoningFieldOf(quirks)])) {
    losses.emulate("thoughts", "The provider demands some with calls: a placeholder goes.");
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

/** What the model refused to say is what it said. */
function saidRefusal(message: WireObject, losses: Losses): WireObject {
  const { refusal, ...rest } = message;
  if (typeof refusal !== "string" || refusal === "") return message;
  losses.emulate("refusal", "The refusal goes as text.");
  return { ...rest, content: joinContents([rest["content"], refusal]) };
}

const requiredFields: ReadonlySet<string> = new Set(["role", "content", "tool_calls", "tool_call_id"]);

/** Without the fields that the server refuses. */
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
    if (isAbsent(message[key])) losses.emulate(`messages[].${key}`, "The provider refuses the field, which says nothing.");
    else if (key === "reasoning_content" || key === "reasoning" || key === "reasoning_details")
      losses.drop("thoughts", "The provider takes back only reasoning that it made.");
    else losses.drop(`messages[].${key}`, "The provider refuses the field.");
  }
  return Object.fromEntries(Object.entries(message).filter(([key]) => !refused.includes(key)));
}

/** Ids of calls as the server takes them: those that it made stay as they are. */
function withShortIds(message: WireObject, losses: Losses): WireObject {
  const calls = message["tool_calls"];
  const id = message["tool_call_id"];
  if (typeof id === "string" && shortId(id) !== id) {
    losses.emulate("toolCalls", "Ids of calls go as nine letters and digits.");
    return { ...message, tool_call_id: shortId(id) };
  }
  if (!Array.isArray(calls) || calls.every((call: unknown) => !isObject(call) || shortId(String(call["id"])) === call["id"]))
    return message;
  losses.emulate("toolCalls", "Ids of calls go as nine letters and digits.");
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

/** Messages of one role in a row: one on the wire. */
type Turn = WireObject[];

/** One system message, first; then the user, and the assistant in turn with the user. */
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

/** Puts a message behind the others, or into the last turn. */
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
    losses.emulate("messages[]", "The user does not speak right behind the result of a tool.");
    if (typeof content === "string" && isReminder(content)) {
      turn.splice(-1, 1, { ...last, content: joinContents([last["content"], content]) });
      return;
    }
    turns.push([{ role: "assistant", content: bridge }]);
  }
  turns.push([message]);
}

const reasoningFields = ["reasoning_content", "reasoning", "reasoning_details"];

/** Messages of one role as one. */
function merge(turn: Turn, losses: Losses): WireObject {
  const [first] = turn;
  if (turn.length === 1 && first !== undefined) return first;
  losses.emulate("messages[]", "Messages of one role in a row go as one.");
  const merged: Record<string, unknown> = Object.assign({}, ...turn, { content: joinContents(turn.map(({ content }) => content)) });
  for (const key of reasoningFields) if (merged[key] !== undefined) merged[key] = joinContents(turn.map((message) => message[key]));
  if (merged["name"] !== undefined && turn.some(({ name }) => name !== merged["name"])) {
    losses.drop("messages[].name", "Messages of several speakers go as one.");
    delete merged["name"];
  }
  return merged;
}
