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

/**
 * Arranges messages for a wire with strict turns. Messages of one role become one turn. The results of a turn's calls are together in the next turn,
 * one for each call, a missing one as "aborted"; a result without a call is dropped. Instructions after the first turn become a user's text in
 * `<system-reminder>`. Blocks for which `keeps` returns false are omitted.
 */
export function arrangeTurns(
  messages: readonly Message[],
  keeps: (block: Block, role: "user" | "assistant") => boolean,
  losses: Losses,
): Conversation {
  const first = messages.findIndex(({ role }) => role === "user" || role === "assistant");
  const leading = first < 0 ? messages : messages.slice(0, first);
  const open = openTurns(first < 0 ? [] : messages.slice(first), keeps, losses);
  placeResults(open, messages, losses);
  return { instructions: leading.flatMap(({ content }) => content), turns: mergeTurns(open) };
}

function openTurns(messages: readonly Message[], keeps: (block: Block, role: "user" | "assistant") => boolean, losses: Losses): OpenTurn[] {
  const turns: OpenTurn[] = [];
  for (const message of messages) {
    const role = message.role === "assistant" ? "assistant" : "user";
    const content = (message.role === "user" || message.role === "assistant" ? message.content : [reminderOf(message, losses)]).filter(
      (block) => block.type === "tool-result" || keeps(block, role),
    );
    if (content.length === 0) continue;
    const last = turns.at(-1);
    if (last?.role === role) last.content.push(...content);
    else turns.push({ role, results: [], content: [...content] });
  }
  return turns;
}

function reminderOf({ content }: Message, losses: Losses): Block {
  losses.emulate("messages[]", "Instructions behind the first turn go as a text of the user's.");
  for (const block of content) if (block.type === "media") losses.drop(block.kind, "The provider accepts only text as instructions.");
  const text = content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("\n\n");
  const cache = content.findLast((block) => block.type === "text" && block.cache !== undefined);
  return {
    type: "text",
    text: text.trim() === "" ? "" : `<system-reminder>\n${text}\n</system-reminder>`,
    ...(cache?.type === "text" && cache.cache !== undefined ? { cache: cache.cache } : {}),
  };
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
