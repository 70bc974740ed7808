import { mergeUsage, type BlockStart, type StopReason, type StreamEvent, type Usage } from "../../ir/index.ts";
import { gatewayErrorOf } from "../openai-shared/errors.ts";
import { keepAlive } from "../openai-shared/keep-alive.ts";
import type { ClientContext, StreamEncoder } from "../protocol.ts";
import { clientToolOfCall, type ClientTool } from "./client-tools.ts";
import { failureOf } from "./errors.ts";
import { incompleteReason, opaqueItem, pictureItem, type ItemStatus } from "./output-items.ts";
import { renderEvent } from "./render-event.ts";
import { showsReasoning } from "./render-response.ts";
import { echoRequest, responseId, responseObject, type RequestEcho, type ResponseState } from "./response-object.ts";
import {
  CallStreamItem,
  ClientCallStreamItem,
  MessageStreamItem,
  ReasoningStreamItem,
  WebSearchStreamItem,
  WholeStreamItem,
  type StreamItem,
} from "./stream-items.ts";
import type { WireEvent, WireItem, WireResponse } from "./wire.ts";

/**
 * Writes a Responses stream: `response.created` and `in_progress`; every item added, its deltas, done; every event numbered from 0; and at the end
 * `response.completed` (or `incomplete`, `failed`) with the whole response. Source: `ResponseStreamEvent` of the npm package `openai` 7.57. An item
 * is done when the next one begins or the answer ends, as only then its phase and status are known. A proof without text after another item is
 * delayed until it has text, another item begins or the answer ends, as items must not overlap. After the end, events are ignored.
 */
export class ResponsesStreamEncoder implements StreamEncoder {
  readonly #model: string;
  readonly #answerId: string | undefined;
  readonly #echo: RequestEcho;
  readonly #shown: boolean;
  readonly #clientToolOf: (call: Extract<BlockStart, { type: "tool-call" }>) => ClientTool | undefined;
  #id = "";
  #createdAt = 0;
  #sequence = 0;
  #over = false;
  readonly #items: StreamItem[] = [];
  /** The number of items that have begun on the wire; the others are delayed. */
  #begun = 0;
  /** Items that are done, by output index. */
  readonly #done: WireItem[] = [];
  readonly #blocks = new Map<number, StreamItem>();
  #usage: Usage = {};
  #stopReason: StopReason | undefined;
  #saidRefusal = false;

  constructor(client: ClientContext) {
    this.#model = client.model;
    this.#answerId = client.answerId;
    this.#echo = echoRequest(client.request);
    this.#clientToolOf = ({ name, namespace, kind }) => clientToolOfCall(client.request, { name, namespace, kind });
    this.#shown = showsReasoning(client.request);
  }

  push(event: StreamEvent): string {
    if (this.#over) return "";
    switch (event.type) {
      case "message-start":
        return this.#start(event.id, event.createdAt, event.usage);
      case "block-start":
        return this.#write(this.#startBlock(event.index, event.block));
      case "block-delta": {
        const { delta } = event;
        const item = this.#blocks.get(event.index);
        if (delta.type === "citation") return item instanceof MessageStreamItem ? this.#write(item.cite(event.index, delta.citation)) : "";
        if (delta.type !== "proof") return this.#write(this.#text(event.index, delta.text));
        item?.proof(delta.proof);
        return "";
      }
      case "block-end":
        return this.#write(this.#endBlock(event.index));
      case "message-delta":
        this.#stopReason = event.stopReason ?? this.#stopReason;
        if (event.usage !== undefined) this.#usage = mergeUsage(this.#usage, event.usage);
        return "";
      case "message-end":
        return this.#end();
      case "error":
        this.#over = true;
        return this.#write([
          {
            type: "response.failed",
            response: this.#response({ status: "failed", usage: this.#usage, error: failureOf(gatewayErrorOf(event.error)) }),
          },
        ]);
      case "ping":
        return keepAlive;
    }
  }

  #start(id: string, createdAt: number, usage: Usage | undefined): string {
    this.#id = responseId(this.#answerId ?? id);
    this.#createdAt = createdAt;
    if (usage !== undefined) this.#usage = usage;
    const response = this.#response({ status: "in_progress" });
    return this.#write([
      { type: "response.created", response },
      { type: "response.in_progress", response },
    ]);
  }

  #startBlock(index: number, block: BlockStart): WireEvent[] {
    if (block.type === "text" || block.type === "refusal") return this.#startPart(index, block.type === "refusal");
    const output = this.#items.length;
    switch (block.type) {
      case "reasoning":
        return this.#startItem(index, new ReasoningStreamItem(block, this.#id, output, this.#shown));
      case "tool-call": {
        const own = this.#clientToolOf(block);
        const item =
          own === undefined ? new CallStreamItem(block, this.#id, output) : new ClientCallStreamItem(own, block, this.#id, output);
        return this.#startItem(index, item);
      }
      case "opaque": {
        if (block.protocol !== "openai-responses" && block.search !== undefined)
          return this.#startItem(index, new WebSearchStreamItem(block.search, output));
        const own = block.protocol === "openai-responses" ? opaqueItem(block.value) : undefined;
        const item = own ?? pictureItem(block.media, this.#id, output);
        return item === undefined ? [] : this.#startItem(index, new WholeStreamItem(item, output));
      }
    }
  }

  /** Consecutive texts are parts of one message. */
  #startPart(index: number, refusal: boolean): WireEvent[] {
    this.#saidRefusal ||= refusal;
    const last = this.#items.at(-1);
    if (last instanceof MessageStreamItem) {
      this.#blocks.set(index, last);
      return last.openPart(index, refusal);
    }
    const message = new MessageStreamItem(this.#id, this.#items.length);
    return [...this.#startItem(index, message), ...message.openPart(index, refusal)];
  }

  #startItem(index: number, item: StreamItem): WireEvent[] {
    this.#blocks.set(index, item);
    this.#items.push(item);
    return item.isProofAlone && this.#items.length > 1 ? [] : this.#beginItems();
  }

  /** Begins the delayed items, each after the end of those before it. */
  #beginItems(): WireEvent[] {
    const events: WireEvent[] = [];
    for (const item of this.#items.slice(this.#begun)) {
      for (const [index, known] of this.#items.slice(0, this.#begun).entries()) if (known.ended) events.push(...this.#finishItem(index));
      events.push(...item.start());
      this.#begun++;
    }
    return events;
  }

  #text(index: number, text: string): WireEvent[] {
    const item = this.#blocks.get(index);
    if (item === undefined || text === "") return [];
    const begun = this.#items.indexOf(item) < this.#begun ? [] : this.#beginItems();
    return [...begun, ...item.text(index, text)];
  }

  #endBlock(index: number): WireEvent[] {
    const item = this.#blocks.get(index);
    this.#blocks.delete(index);
    return item?.end(index) ?? [];
  }

  /** Writes that an item is done, unless that is written. */
  #finishItem(index: number, final = false, status: ItemStatus = "completed"): WireEvent[] {
    const item = this.#items[index];
    if (item === undefined || this.#done[index] !== undefined) return [];
    const done = item.finish(status, final);
    this.#done[index] = done;
    return [{ type: "response.output_item.done", output_index: index, item: done }];
  }

  /** Ends all items. The last item that is not only a proof is final. */
  #finishItems(cut: boolean): WireEvent[] {
    const last = this.#items.findLastIndex((item) => !item.isProofAlone);
    return this.#items.flatMap((item, index) => [
      ...(index < this.#begun ? [] : item.start()),
      ...this.#finishItem(index, index === last, cut && index === last ? "incomplete" : "completed"),
    ]);
  }

  #end(): string {
    const reason = incompleteReason(this.#stopReason, this.#saidRefusal);
    const open = [...this.#blocks.keys()].flatMap((index) => this.#endBlock(index));
    const done = this.#finishItems(reason !== undefined);
    const status = reason === undefined ? "completed" : "incomplete";
    const response = this.#response({ status, usage: this.#usage, incompleteReason: reason });
    this.#over = true;
    return this.#write([...open, ...done, { type: `response.${status}`, response }]);
  }

  #response(state: Pick<ResponseState, "status" | "usage" | "incompleteReason" | "error">): WireResponse {
    const output = this.#done.filter((item) => item !== undefined);
    return responseObject({ id: this.#id, createdAt: this.#createdAt, model: this.#model, output, ...state }, this.#echo);
  }

  #write(events: readonly WireEvent[]): string {
    let out = "";
    for (const event of events) out += renderEvent(event, this.#sequence++);
    return out;
  }
}
