import { GatewayError, type Edit } from "../../core/index.ts";
import type { Protocol, RouteCall } from "../../protocols/index.ts";
import { conversationTail, firstLook, type ConversationTail } from "./conversation-tail.ts";
import { countRepeats, type Repeats } from "./count-repeats.ts";

/** When the guard speaks. Counts are of equal calls with equal results in a row. */
export interface DuplicateGuard {
  readonly enabled: boolean;
  /** From this number on, a note is added for the model. */
  readonly noteAt: number;
  /** From this number on, the note has stronger words. */
  readonly warnAt: number;
  /** From here on the request is refused; absent: never. */
  readonly refuseAt?: number;
  /** Names of tools that repeat themselves by design. */
  readonly exempt: ReadonlySet<string>;
}

export interface Guarded extends Repeats {
  /** What puts the note into the body; none where the result has no place for it. */
  readonly edits: readonly Edit[];
}

/** The guard of one process, which counts what it does. */
export interface ToolCallGuard {
  /** As `guardToolCalls`. */
  check(text: string, protocol: Protocol, route: RouteCall, guard: DuplicateGuard): Guarded | undefined;
  /** Requests with a note to the model, and refused requests. */
  counts(): { readonly noted: number; readonly refused: number };
}

export function createToolCallGuard(): ToolCallGuard {
  let noted = 0;
  let refused = 0;
  return {
    check(text, protocol, route, guard) {
      try {
        const found = guardToolCalls(text, protocol, route, guard);
        if (found !== undefined) noted += 1;
        return found;
      } catch (error) {
        refused += 1;
        throw error;
      }
    },
    counts: () => ({ noted, refused }),
  };
}

/** Elements of a conversation that one call and its result may take. */
const elementsOfCall = 5;

/**
 * Finds an agent that repeats one tool call; `undefined` if there is none. A body without results of tools costs one search of its text; one with them
 * a scan; only a body that contains its last result twice is parsed, and only its end. A body that this gateway cannot read is passed to the provider.
 * @throws GatewayError `duplicate_tool_call` where the request is to be refused.
 */
export function guardToolCalls(text: string, protocol: Protocol, route: RouteCall, guard: DuplicateGuard): Guarded | undefined {
  if (!guard.enabled) return undefined;
  const found = look(text, protocol, route, guard);
  if (found === undefined) return undefined;
  const { tool, count } = found.repeats;
  if (guard.refuseAt !== undefined && count >= guard.refuseAt) {
    throw new GatewayError(
      "duplicate_tool_call",
      `The tool "${tool.slice(0, 100)}" was called ${count} times in a row with the same arguments and gave the same result each time, and guards.duplicate_tool_calls.refuse_at is ${guard.refuseAt}. ` +
        "Tell the model something new.",
    );
  }
  if (count < guard.noteAt) return undefined;
  const edit = protocol.toolResults.addNote(text, found.tail.result, noteFor(found.repeats, count >= guard.warnAt));
  return { tool, count, edits: edit === undefined ? [] : [edit] };
}

function look(
  text: string,
  protocol: Protocol,
  route: RouteCall,
  guard: DuplicateGuard,
): { readonly tail: ConversationTail; readonly repeats: Repeats } | undefined {
  try {
    const tail = conversationTail(text, protocol, route);
    const { isTextATurn } = protocol.toolResults;
    const first = tail === undefined ? undefined : countRepeats(tail.messages(firstLook), guard.exempt, isTextATurn);
    if (tail === undefined || first === undefined || first.count < 2) return undefined;
    const most = Math.max(guard.noteAt, guard.warnAt, guard.refuseAt ?? 0);
    return { tail, repeats: countRepeats(tail.messages(firstLook + most * elementsOfCall), guard.exempt, isTextATurn) ?? first };
  } catch (error) {
    if (error instanceof GatewayError) return undefined; // Refused by its lane, or taken by a vendor that knows more than this gateway.
    throw error;
  }
}

function noteFor({ tool, count }: Repeats, isStrong: boolean): string {
  const fact = `${tool} has now been called ${count} times in a row with the same arguments and gave this same result each time.`;
  return isStrong
    ? `[Note from the gateway: STOP. ${fact} Do not call it like this again. Do something else, or tell the user what keeps you from going on.]`
    : `[Note from the gateway: ${fact} Calling it again will change nothing. Try something else.]`;
}
