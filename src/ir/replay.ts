import type { Block, Citation } from "./block.ts";
import type { BlockStart, StreamEvent } from "./events.ts";
import type { ChatResponse } from "./response.ts";

/**
 * The events of a complete answer, for a client that streams while the upstream does not. Blocks that a stream cannot carry (media) become opaque
 * blocks. Invariant: `collect(replay(response))` equals the response, for blocks that streams carry.
 */
export function replay(response: ChatResponse): StreamEvent[] {
  const { id, model, createdAt, extensions } = response;
  const events: StreamEvent[] = [
    {
      type: "message-start",
      id,
      model,
      createdAt,
      ...(extensions === undefined ? {} : { extensions }),
    },
  ];
  response.content.forEach((block, index) => {
    const start = startOf(block);
    if (start === undefined) return;
    events.push({ type: "block-start", index, block: start });
    const text = textOf(block);
    if (text !== "") {
      events.push({
        type: "block-delta",
        index,
        delta: { type: block.type === "tool-call" ? "arguments" : "text", text },
      });
    }
    for (const citation of citationsOf(block)) events.push({ type: "block-delta", index, delta: { type: "citation", citation } });
    const proof = block.type === "reasoning" || block.type === "tool-call" ? block.proof : undefined;
    if (proof !== undefined) events.push({ type: "block-delta", index, delta: { type: "proof", proof } });
    events.push({ type: "block-end", index });
  });
  events.push({
    type: "message-delta",
    stopReason: response.stopReason,
    ...(response.rawStopReason === undefined ? {} : { rawStopReason: response.rawStopReason }),
    ...(response.stopSequence === undefined ? {} : { stopSequence: response.stopSequence }),
    usage: response.usage,
  });
  events.push({ type: "message-end" });
  return events;
}

function startOf(block: Block): BlockStart | undefined {
  switch (block.type) {
    case "text":
    case "refusal":
      return { type: block.type };
    case "reasoning":
      return { type: "reasoning", ...(block.id === undefined ? {} : { id: block.id }) };
    case "tool-call": {
      const { id, name, kind, namespace, itemId } = block;
      return {
        type: "tool-call",
        id,
        name,
        kind,
        ...(namespace === undefined ? {} : { namespace }),
        ...(itemId === undefined ? {} : { itemId }),
      };
    }
    case "opaque":
      return block;
    case "media":
      return { type: "opaque", protocol: undefined, value: null, media: block };
    case "tool-result":
      return undefined;
  }
}

function citationsOf(block: Block): readonly Citation[] {
  return (block.type === "text" ? block.citations : undefined) ?? none;
}

const none: readonly Citation[] = [];

function textOf(block: Block): string {
  if (block.type === "tool-call") return block.arguments;
  return block.type === "text" || block.type === "refusal" || block.type === "reasoning" ? block.text : "";
}
