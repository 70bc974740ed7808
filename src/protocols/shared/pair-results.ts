import type { ChatRequest, Message, ToolCallBlock, ToolResultBlock } from "../../ir/index.ts";

/** Which result belongs to which call. The keys of both maps are the blocks themselves, as clients reuse ids. */
export interface Pairing {
  readonly resultOf: ReadonlyMap<ToolCallBlock, ToolResultBlock>;
  readonly callOf: ReadonlyMap<ToolResultBlock, ToolCallBlock>;
}

/** The calls with one id in one turn of the assistant, in order. */
interface OpenCalls {
  readonly calls: ToolCallBlock[];
  /** Number of the turn. */
  readonly turn: number;
  /** The number of these calls that have a result. */
  answered: number;
}

/**
 * Pairs calls and results by id: a result belongs to the first call with its id that has no result, in the newest turn that has such a call. A call
 * may have no result (it was aborted), and a result no call (its turn was cut off); the renderer decides what to do then.
 */
export function pairResults(messages: ChatRequest["messages"]): Pairing {
  return messages.some(hasCallOrResult) ? pairAll(messages) : noPairs;
}

const noPairs: Pairing = { resultOf: new Map(), callOf: new Map() };

function hasCallOrResult({ content }: Message): boolean {
  for (const { type } of content) if (type === "tool-call" || type === "tool-result") return true;
  return false;
}

function pairAll(messages: ChatRequest["messages"]): Pairing {
  const resultOf = new Map<ToolCallBlock, ToolResultBlock>();
  const callOf = new Map<ToolResultBlock, ToolCallBlock>();
  const open = new Map<string, OpenCalls>();
  let turn = 0;
  let inTurn = false;
  for (const message of messages) {
    if ((message.role === "assistant") !== inTurn) {
      inTurn = !inTurn;
      if (inTurn) turn++;
    }
    for (const block of message.content) {
      if (block.type === "tool-call") {
        // A call with the same id in an older turn will get no result any more.
        const known = open.get(block.id);
        if (known?.turn === turn) known.calls.push(block);
        else open.set(block.id, { calls: [block], turn, answered: 0 });
      } else if (block.type === "tool-result") {
        const known = open.get(block.callId);
        const call = known?.calls[known.answered];
        if (known === undefined || call === undefined) continue;
        known.answered += 1;
        resultOf.set(call, block);
        callOf.set(block, call);
      }
    }
  }
  return { resultOf, callOf };
}

/** The text for a call without a result. */
export const abortedResult = "aborted";
