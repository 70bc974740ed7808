import { hasMoreValues } from "../../core/index.ts";
import type { Block, Message, ToolCallBlock } from "../../ir/index.ts";

/** How often in a row, up to the conversation's end, one tool was called with one set of arguments and gave one result. */
export interface Repeats {
  readonly tool: string;
  readonly count: number;
}

/**
 * Counts them; `undefined` where the conversation does not end with results of tools, or the last one's tool may repeat itself (`exempt`). A turn of the
 * user's breaks the row; text that stands beside results does so only where `textIsTurn`, as agents remind their model there. Arguments are compared as JSON, whatever the order of their keys.
 */
export function countRepeats(messages: readonly Message[], exempt: ReadonlySet<string>, textIsTurn: boolean): Repeats | undefined {
  const calls = new Map<string, KnownCall>();
  let row: { readonly call: KnownCall; readonly result: string; count: number } | undefined;
  for (const { role, content } of messages) {
    const results = content.filter((block) => block.type === "tool-result");
    if (role === "user" && results.length === 0) row = undefined;
    for (const block of content) if (block.type === "tool-call") calls.set(block.id, { block, text: undefined });
    for (const result of results) {
      const call = calls.get(result.callId);
      if (call === undefined) {
        row = undefined;
        continue;
      }
      const said = JSON.stringify(result.content.map(plain));
      if (row !== undefined && row.result === said && textOf(row.call) === textOf(call)) row.count += 1;
      else row = { call, result: said, count: 1 };
    }
    if (textIsTurn && role === "user" && content.some(({ type }) => type === "text")) row = undefined;
  }
  const last = messages.findLast(({ role }) => role === "user" || role === "assistant");
  const isAnswering = last?.role === "user" && last.content.some(({ type }) => type === "tool-result");
  return row === undefined || !isAnswering || exempt.has(row.call.block.name) ? undefined : { tool: row.call.block.name, count: row.count };
}

/** A call and, once it was needed, what it asks for: many results may name one call. */
interface KnownCall {
  readonly block: ToolCallBlock;
  text: string | undefined;
}

function textOf(call: KnownCall): string {
  const { namespace, name, arguments: args } = call.block;
  return (call.text ??= JSON.stringify([namespace, name, canonical(args)]));
}

/** What a result says, without the marks that clients move along with the conversation's end. */
function plain(block: Block): unknown {
  if (block.type === "text") return block.text;
  if (block.type === "media") return block.source;
  return block;
}

/** Arguments with more values are compared as they are written. */
const maxComparedValues = 20_000;

function canonical(text: string): unknown {
  if (hasMoreValues(text, maxComparedValues)) return text;
  try {
    return sorted(JSON.parse(text));
  } catch {
    return text; // Free text, or cut: compared as it is.
  }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}
