import {
  asBytes,
  elementsOf,
  latin1OfUtf8,
  memberOf,
  messageOf,
  noBytes,
  replaceData,
  SseSplitter,
  utf8OfLatin1,
  type Bytes,
  type SseEvent,
  type Text,
} from "../../core/index.ts";
import { isAbsent, isObject, type WireObject } from "../shared/fields.ts";
import { jsonObject, textAt } from "../shared/json-text.ts";
import type { PausedTurns } from "../translation.ts";
import { BlockText } from "./block-text.ts";

/** The most requests that go on with one answer. A loop of the vendor's tools that needs more is cut short. */
const maxContinuations = 8;

const toolsMember = '"tools":[';
const vendorTools = /"type":"(?:web_search|web_fetch|code_execution|tool_search_tool|advisor|mcp_toolset)/;

/** Whether a rendered request has tools that the vendor runs. They are behind the last `"tools":[`, or there are none. */
export function runsTools(body: Text): boolean {
  const at = body.lastIndexOf(toolsMember);
  return at >= 0 && vendorTools.test(body.slice(at));
}

/** What ends a turn: `message_delta` in a stream, the message itself in an answer without one. */
interface TurnEnd {
  readonly wire: WireObject;
  readonly usage: WireObject;
}

/**
 * Joins the turns of an answer. If the vendor's own tools take long, it ends a turn with `pause_turn`, and goes on if it gets the turn back as the last message (Claude
 * documentation, Server tools, "The server-side loop and pause_turn", November 2026). Clients of other protocols know no such end, so they get one answer: the blocks of all turns
 * in one row, the counts of the last turn as its usage with the calls of tools in all turns, and the tokens of the turns before it as `usage.iterations` of the type `paused_turn`, which the vendor does not have.
 */
export class JoinedTurns implements PausedTurns {
  /** The first request. */
  readonly #body: Text;
  /** Blocks of the turns that have ended, as JSON. */
  readonly #content: string[] = [];
  /** Usage of the turns that were gone on with. */
  readonly #iterations: WireObject[] = [];
  /** Where the vendor's tools keep their files. */
  #container: string | undefined;
  #continuations = 0;
  #splitter = new SseSplitter();
  /** A turn has ended otherwise than with a pause, or cannot be read. */
  #isOver = false;
  /** Blocks of a stream before this turn. */
  #offset = 0;
  #blocks: BlockText[] = [];
  /** Of the turn so far, in a stream. */
  #usage: WireObject = {};
  /** The end of a turn that paused, if it has not been gone on with. */
  #paused: TurnEnd | undefined;
  /** The last end of a turn that paused. */
  #lastEnd: TurnEnd | undefined;

  constructor(body: Text) {
    this.#body = body;
  }

  push(chunk: Bytes): Bytes {
    return this.#events(() => this.#splitter.push(chunk));
  }

  endTurn(): Bytes {
    return this.#events(() => this.#splitter.end());
  }

  #events(split: () => readonly SseEvent[]): Bytes {
    let joined = "";
    try {
      for (const event of split()) joined += this.#event(event);
    } catch (error) {
      // An event without an end: the stream is no answer any more.
      this.#isOver = true;
      joined += printEvents({ type: "error", error: { type: "api_error", message: messageOf(error) } });
    }
    return asBytes(joined);
  }

  #event(event: SseEvent): Bytes {
    const wire = jsonObject(utf8OfLatin1(event.data));
    switch (wire?.["type"]) {
      case "message_start": {
        const message = isObject(wire["message"]) ? wire["message"] : {};
        this.#usage = withCounts({}, message["usage"]);
        this.#keepContainer(message);
        return this.#continuations === 0 ? event.raw : noBytes;
      }
      case "content_block_start":
      case "content_block_delta":
      case "content_block_stop":
        return this.#block(event, wire);
      case "message_delta":
        return this.#endTurn(event, wire);
      case "message_stop":
        return this.#paused === undefined ? event.raw : noBytes;
      default:
        return event.raw;
    }
  }

  pushWhole(body: Bytes): Bytes | undefined {
    const text = utf8OfLatin1(body);
    const wire = jsonObject(text);
    const content = Array.isArray(wire?.["content"]) ? textAt(text, ["content"]) : undefined;
    if (wire === undefined || content === undefined) return this.#continuations === 0 ? body : undefined;
    this.#keepContainer(wire);
    const usage = withCounts({}, wire["usage"]);
    this.#content.push(...elementsOf(content, { start: 0, end: content.length }).map(({ start, end }) => content.slice(start, end)));
    if (wire["stop_reason"] === "pause_turn") {
      this.#paused = { wire, usage };
      return undefined;
    }
    this.#isOver = true;
    return this.#continuations === 0 ? body : this.#joined({ wire, usage });
  }

  nextRequest(): Text | undefined {
    const end = this.#paused;
    if (end === undefined || this.#isOver || this.#continuations >= maxContinuations) return undefined;
    this.#content.push(...this.#blocks.map((block) => block.print()));
    const sent = this.#content.filter((block) => !isEmptyText(block));
    if (sent.length === 0) return undefined;
    this.#offset += this.#blocks.length;
    this.#blocks = [];
    this.#iterations.push({ ...end.usage, iterations: undefined, type: "paused_turn" }, ...ownIterations(end.usage));
    this.#usage = {};
    this.#splitter = new SseSplitter();
    this.#lastEnd = end;
    this.#paused = undefined;
    this.#continuations += 1;
    return withTurn(this.#body, sent.join(","), this.#container);
  }

  endStream(): Bytes {
    const end = this.#paused ?? this.#lastEnd;
    if (end === undefined || this.#isOver) return noBytes;
    const delta = { ...end.wire, usage: this.#total(this.#lastUsage()) };
    return printEvents(delta, { type: "message_stop" });
  }

  endWhole(): Bytes {
    const end = this.#paused ?? this.#lastEnd;
    return end === undefined || this.#isOver ? noBytes : this.#joined({ wire: end.wire, usage: this.#lastUsage() });
  }

  #block(event: SseEvent, wire: WireObject): Bytes {
    const index = typeof wire["index"] === "number" ? wire["index"] : 0;
    if (wire["type"] === "content_block_start")
      this.#blocks[index] = new BlockText(isObject(wire["content_block"]) ? wire["content_block"] : {});
    else if (isObject(wire["delta"])) this.#blocks[index]?.push(wire["delta"]);
    if (this.#offset === 0) return event.raw;
    return replaceData(event, latin1OfUtf8(JSON.stringify({ ...wire, index: index + this.#offset })));
  }

  #endTurn(event: SseEvent, wire: WireObject): Bytes {
    this.#usage = withCounts(this.#usage, wire["usage"]);
    const delta = isObject(wire["delta"]) ? wire["delta"] : {};
    this.#keepContainer(delta);
    if (delta["stop_reason"] === "pause_turn") {
      this.#paused = { wire, usage: this.#usage };
      return noBytes;
    }
    this.#isOver ||= typeof delta["stop_reason"] === "string";
    if (this.#continuations === 0) return event.raw;
    return replaceData(event, latin1OfUtf8(JSON.stringify({ ...wire, usage: this.#total(this.#usage) })));
  }

  #keepContainer({ container }: WireObject): void {
    if (isObject(container) && typeof container["id"] === "string") this.#container = container["id"];
  }

  /** Of the turn that paused last; of one that was cut, what it has reported. */
  #lastUsage(): WireObject {
    if (this.#paused !== undefined) return this.#paused.usage;
    const hasBegun = Object.keys(this.#usage).length > 0;
    if (hasBegun || this.#lastEnd === undefined) return this.#usage;
    this.#iterations.splice(this.#iterations.findLastIndex(({ type }) => type === "paused_turn"));
    return this.#lastEnd.usage;
  }

  /** The usage of the answer: the counts of its last turn, and those of the turns before. */
  #total(last: WireObject): WireObject {
    const iterations = [...this.#iterations, ...ownIterations(last)];
    return { ...noCounts, ...last, server_tool_use: sumOfCalls([...this.#iterations, last]), iterations };
  }

  #joined({ wire, usage }: TurnEnd): Bytes {
    const rest = JSON.stringify({ ...wire, content: undefined, usage: this.#total(usage) });
    return latin1OfUtf8(`{"content":[${this.#content.join(",")}],${rest.slice(1)}`);
  }
}

/** A turn that reports no such count has none: what the first turn reported is not meant. */
const noCounts = {
  input_tokens: 0,
  cache_read_input_tokens: 0,
  cache_creation_input_tokens: 0,
  cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
  output_tokens: 0,
};

/** Later counts replace earlier ones; null is no count. */
function withCounts(earlier: WireObject, usage: unknown): WireObject {
  if (!isObject(usage)) return earlier;
  return { ...earlier, ...Object.fromEntries(Object.entries(usage).filter(([, value]) => !isAbsent(value))) };
}

/** Calls of the vendor's tools in all turns: `{"web_search_requests":2}`. */
function sumOfCalls(turns: readonly WireObject[]): WireObject | null {
  const sums: Record<string, number> = {};
  for (const { server_tool_use: calls } of turns) {
    if (!isObject(calls)) continue;
    for (const [name, count] of Object.entries(calls)) if (typeof count === "number") sums[name] = (sums[name] ?? 0) + count;
  }
  return Object.keys(sums).length === 0 ? null : sums;
}

function ownIterations({ iterations }: WireObject): readonly WireObject[] {
  return Array.isArray(iterations) ? iterations.filter(isObject) : [];
}

/** The vendor refuses an empty text. */
function isEmptyText(block: string): boolean {
  const { type, text } = jsonObject(block) ?? {};
  return type === "text" && text === "";
}

/** The request with the turn as its last message. */
function withTurn(body: Text, content: string, container: string | undefined): Text {
  const end = memberOf(body, "messages")!.end - 1;
  const whole = `${body.slice(0, end)},{"role":"assistant","content":[${content}]}${body.slice(end)}`;
  if (container === undefined || memberOf(body, "container") !== undefined) return whole;
  return `{"container":${JSON.stringify(container)},${whole.slice(whole.indexOf("{") + 1)}`;
}

function printEvents(...events: readonly WireObject[]): Bytes {
  return asBytes(events.map((wire) => `event: ${String(wire["type"])}\ndata: ${latin1OfUtf8(JSON.stringify(wire))}\n\n`).join(""));
}
