import { GatewayError } from "../../core/index.ts";
import type { Block, ChatRequest, StreamEvent } from "../../ir/index.ts";
import { isObject } from "../shared/fields.ts";
import type { ClientContext, StreamEncoder } from "../protocol.ts";
import { responseId } from "./response-object.ts";

/** What a model of another vendor is asked for where the client wants its context compacted. */
export const summaryPrompt =
  "The conversation above has become too long and will be replaced by a summary, which you write now. The model that goes on sees the summary and the user's own messages, nothing else. " +
  "State what the user asked for, with all limits and wishes; what was decided and why; what was done, with the names of files, commands and results that still matter; what was tried and failed; " +
  "where the work stands, and the next steps. Keep names, paths and numbers exact. Answer with the summary alone and call no tools.";

/** A summary as the model reads it that goes on. */
export function summaryText(summary: string): string {
  return `Summary of the conversation before this point:\n\n${summary}`;
}

/** Whether the last item of the input is `{"type":"compaction_trigger"}`: the answer is one `compaction` item. */
export function isCompaction({ messages }: ChatRequest): boolean {
  const block = messages.at(-1)?.content.at(-1);
  return (
    block?.type === "opaque" &&
    block.protocol === "openai-responses" &&
    isObject(block.value) &&
    block.value["type"] === "compaction_trigger"
  );
}

/** The one block of such an answer: the summary that its texts are, sealed. @throws GatewayError `upstream_invalid_response` if there is none. */
export function compactedContent(content: readonly Block[], id: string, seal: (summary: string) => string): readonly Block[] {
  const summary = content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("\n\n");
  if (summary.trim() === "") throw new GatewayError("upstream_invalid_response", noSummary);
  return [{ type: "opaque", protocol: "openai-responses", value: compactionItem(id, seal(summary)) }];
}

const noSummary = "The provider answered a request for a summary without one.";

function compactionItem(
  id: string,
  sealed: string,
): { readonly id: string; readonly type: "compaction"; readonly encrypted_content: string } {
  return { id: `cmp_${responseId(id).replace(/^resp_/, "")}`, type: "compaction", encrypted_content: sealed };
}

/** Writes such an answer as a stream: nothing of its blocks, and at the end the one item. */
export class CompactionEncoder implements StreamEncoder {
  readonly #inner: StreamEncoder;
  readonly #answerId: string | undefined;
  readonly #seal: (summary: string) => string;
  readonly #texts = new Map<number, string>();
  #id = "";

  constructor(inner: StreamEncoder, { answerId }: ClientContext, seal: (summary: string) => string) {
    this.#inner = inner;
    this.#answerId = answerId;
    this.#seal = seal;
  }

  push(event: StreamEvent): string {
    switch (event.type) {
      case "message-start":
        this.#id = this.#answerId ?? event.id;
        return this.#inner.push(event);
      case "block-start":
        if (event.block.type === "text") this.#texts.set(event.index, "");
        return "";
      case "block-delta": {
        const text = this.#texts.get(event.index);
        if (text !== undefined && event.delta.type === "text") this.#texts.set(event.index, text + event.delta.text);
        return "";
      }
      case "block-end":
        return "";
      case "message-end":
        return this.#end(event);
      case "message-delta":
      case "error":
      case "ping":
        return this.#inner.push(event);
    }
  }

  #end(end: StreamEvent): string {
    const summary = [...this.#texts.values()].filter((text) => text !== "").join("\n\n");
    if (summary.trim() === "")
      return this.#inner.push({ type: "error", error: { status: 502, message: noSummary, code: "upstream_invalid_response" } });
    const value = compactionItem(this.#id, this.#seal(summary));
    const events: readonly StreamEvent[] = [
      { type: "block-start", index: 0, block: { type: "opaque", protocol: "openai-responses", value } },
      { type: "block-end", index: 0 },
      end,
    ];
    return events.map((event) => this.#inner.push(event)).join("");
  }
}
