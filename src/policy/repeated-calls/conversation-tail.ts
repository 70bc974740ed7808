import { elementsOf, GatewayError, hasMark, hasMoreValues, memberOf, parseSpan, type Span } from "../../core/index.ts";
import type { Message } from "../../ir/index.ts";
import type { Protocol, RouteCall } from "../../protocols/index.ts";

/** The end of a body's conversation, in which one result of a tool stands twice. */
export interface ConversationTail {
  /** What the last tool said; `undefined` where it said nothing. */
  readonly result: Span | undefined;
  /** The last `count` elements in the neutral form. @throws GatewayError if they are not of the dialect, or hold more values than a turn ever does. */
  messages(count: number): readonly Message[];
}

/** Enough for a call, its result and what may stand between, twice or three times over. */
export const firstLook = 12;

/** Values and names in the end of a conversation: a body that is passed on unparsed may contain any number of them. */
const maxTailValues = 100_000;

/**
 * `undefined` where the last result is no other's as well. That is known without a parse: where no tool has given a result from one search, else from the
 * bytes of the last elements. `text` is latin1. @throws GatewayError where the body is no JSON object.
 */
export function conversationTail(text: string, protocol: Protocol, route: RouteCall): ConversationTail | undefined {
  const { conversationKey: key, mark, piece } = protocol.toolResults;
  if (!hasMark(text, mark, piece)) return undefined;
  const elements = elementsOf(text, memberOf(text, key));
  const last = elements.at(-1);
  if (last === undefined) return undefined;
  const result = protocol.toolResults.lastResult(text, last);
  const said = result === undefined ? "" : text.slice(result.start, result.end);
  if (!text.slice(elements.at(-firstLook)?.start ?? elements[0]!.start, last.start).includes(said)) return undefined;
  return {
    result,
    messages(count) {
      const spans = elements.slice(-count);
      if (hasMoreValues(text.slice(spans[0]!.start, last.end), maxTailValues))
        throw new GatewayError("body_too_complex", "The end of the conversation holds too many values to look for repeated calls.");
      const tail = spans.map((span) => parseSpan(text, span));
      return protocol.parseRequest({ model: "m", [key]: tail }, route).messages;
    },
  };
}
