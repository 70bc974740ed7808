import type { Block, Message, ToolCallBlock, ToolResultBlock } from "../../ir/index.ts";
import type { Losses } from "./losses.ts";
import { abortedResult, pairResults } from "./pair-results.ts";

/** One turn of a conversation in which user and assistant alternate. */
export interface Turn {
  readonly role: "user" | "assistant";
  /** In a turn of the user: one result for each call of the previous turn, in the order of the calls. */
  readonly results: readonly PairedResult[];
  /** Everything but the results. */
  readonly content: readonly Block[];
  /** On a wire that has such messages: instructions of the system after this turn of the user. */
  readonly system?: readonly string[];
}

export interface PairedResult {
  readonly call: ToolCallBlock;
  readonly result: ToolResultBlock;
}

export interface Conversation {
  /** The instructions before the first turn. */
  readonly instructions: readonly Block[];
  readonly turns: readonly Turn[];
}

interface OpenTurn {
  readonly role: "user" | "assistant";
  readonly results: PairedResult[];
  readonly content: Block[];
}

/** What a wire accepts in a conversation. */
export interface TurnRules {
  /** Blocks for which it returns false are omitted. */
  readonly keeps: (block: Block, role: "user" | "assistant") => boolean;
  /** Instructions may follow a turn of the user, at the end or before a turn of the assistant. */
  readonly takesSystemTurns?: boolean;
}

/**
 * Arranges messages for a wire with strict turns. Messages of one role become one turn. The results of a turn's calls are together in the next turn,
 * one for each call, a missing one as "aborted"; a result without a call is dropped. Instructions after the first turn become a user's text in
 * `<system-reminder>`, or stay instructions where the wire accepts them.
 */
export function arrangeTurns(messages: readonly Message[], { keeps, takesSystemTurns = false }: TurnRules, losses: Losses): Conversation {
  const first = messages.findIndex(({ role }) => role === "user" || role === "assistant");
  const leading = first < 0 ? messages : messages.slice(0, first);
  const reminders = new Map<Block, string>();
  const open = openTurns(first < 0 ? [] : messages.slice(first), { keeps, reminders, losses });
  placeResults(open, messages, losses);
  const merged = mergeTurns(open);
  const turns = takesSystemTurns ? merged.map((turn) => withSystem(turn, reminders)) : merged;
  const isReminding = reminders.size > 0 && turns.some(({ content }) => content.some((block) => reminders.has(block)));
  if (isReminding) losses.emulate("messages[]", "Instructions behind the first turn go as a text of the user's.");
  return { instructions: leading.flatMap(({ content }) => content), turns };
}

/** The turn with the instructions at its end as those of the system: they must follow something that the user said. */
function withSystem(turn: Turn, reminders: ReadonlyMap<Block, string>): Turn {
  const last = turn.content.findLastIndex((block) => !reminders.has(block));
  const moved = turn.content.slice(last + 1);
  if (turn.role !== "user" || moved.length === 0 || (last < 0 && turn.results.length === 0)) return turn;
  return { ...turn, content: turn.content.slice(0, last + 1), system: moved.map((block) => reminders.get(block) ?? "") };
}

interface Opening {
  readonly keeps: TurnRules["keeps"];
  /** The instructions that became blocks, as they were. */
  readonly reminders: Map<Block, string>;
  readonly losses: Losses;
}

function openTurns(messages: readonly Message[], opening: Opening): OpenTurn[] {
  const turns: OpenTurn[] = [];
  for (const message of messages) {
    const role = message.role === "assistant" ? "assistant" : "user";
    const content = (message.role === "user" || message.role === "assistant" ? message.content : [reminderOf(message, opening)]).filter(
      (block) => block.type === "tool-result" || opening.keeps(block, role),
    );
    if (content.length === 0) continue;
    const last = turns.at(-1);
    if (last?.role === role) last.content.push(...content);
    else turns.push({ role, results: [], content: [...content] });
  }
  return turns;
}

function reminderOf({ content }: Message, { reminders, losses }: Opening): Block {
  for (const block of content) if (block.type === "media") losses.drop(block.kind, "The provider accepts only text as instructions.");
  const text = content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("\n\n");
  const cache = content.findLast((block) => block.type === "text" && block.cache !== undefined);
  const block: Block = {
    type: "text",
    text: text.trim() === "" ? "" : `<system-reminder>\n${text}\n</system-reminder>`,
    ...(cache?.type === "text" && cache.cache !== undefined ? { cache: cache.cache } : {}),
  };
  if (block.text !== "") reminders.set(block, text);
  return block;
}

/** Moves each result to the turn after its call; a result without a call is lost. */
function placeResults(turns: OpenTurn[], messages: readonly Message[], losses: Losses): void {
  const { resultOf, callOf } = pairResults(messages);
  for (const turn of turns) {
    const rest = turn.content.filter((block) => block.type !== "tool-result");
    if (turn.content.some((block) => block.type === "tool-result" && !callOf.has(block)))
      losses.drop("toolResults", "A tool result has no call that it answers.");
    turn.content.splice(0, turn.content.length, ...rest);
  }
  for (let at = 0; at < turns.length; at++) {
    const turn = turns[at]!;
    const calls = turn.role === "assistant" ? turn.content.filter((block) => block.type === "tool-call") : [];
    if (calls.length === 0) continue;
    const next = turns[at + 1] ?? { role: "user" as const, results: [], content: [] };
    if (turns[at + 1] === undefined) turns.push(next);
    for (const call of calls) {
      const result = resultOf.get(call);
      if (result === undefined) losses.emulate("toolCalls", "A tool call has no result: it counts as aborted.");
      next.results.push({
        call,
        result: result ?? { type: "tool-result", callId: call.id, content: [{ type: "text", text: abortedResult }], isError: true },
      });
    }
  }
}

/** Removes turns that have become empty, and merges the turns around them. */
function mergeTurns(turns: readonly OpenTurn[]): readonly Turn[] {
  const merged: OpenTurn[] = [];
  for (const turn of turns) {
    if (turn.results.length === 0 && turn.content.length === 0) continue;
    const last = merged.at(-1);
    // A turn with calls is always followed by one with results, so turns are never merged across a step.
    if (last?.role === turn.role) last.content.push(...turn.content);
    else merged.push(turn);
  }
  return merged;
}
