import type { ChatRequest, ToolCallBlock, ToolResultBlock } from "../ir/index.ts";

/** Which result answers which call. Both maps go by the block itself: clients reuse ids. */
export interface Pairing {
  readonly resultOf: ReadonlyMap<ToolCallBlock, ToolResultBlock>;
  readonly callOf: ReadonlyMap<ToolResultBlock, ToolCallBlock>;
}

/** Calls of one id in one turn of the assistant's, in order. */
interface OpenCalls {
  readonly calls: ToolCallBlock[];
  /** Number of the turn. */
  readonly turn: number;
  /** How many of them have their result. */
  answered: number;
}

/**
 * Pairs calls and results by id: a result answers the first call of its id that is open in the newest turn that has one. A call may stay without result
 * (it was aborted), and a result without call (its turn was cut off); what to do about it is the renderer's.
 */
export function pairResults(messages: ChatRequest["messages"]): Pairing {
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
        // A call of the same id in an older turn will get no result any more.
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

/** What a call gets whose result never came. */
export const abortedResult = "aborted";
