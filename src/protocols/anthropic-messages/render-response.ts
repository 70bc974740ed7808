import type { Block, ChatResponse, ReasoningBlock, ToolCallBlock } from "../../ir/index.ts";
import { isObject } from "../shared/fields.ts";
import { CitedPages } from "../shared/web-search.ts";
import { jsonValue } from "../shared/json-text.ts";
import type { ClientContext } from "../protocol.ts";
import { messageId, ownFields, renderOwnFields, toolName } from "./message-head.ts";
import { renderCitation, SearchWriter } from "./search-blocks.ts";
import { renderEnd } from "./stop-reason.ts";
import { renderUsage } from "./usage.ts";

/**
 * Renders a Message, `{"id":"msg_…","type":"message","role":"assistant","model","content":[…],"stop_reason",…,"usage":{…}}`. `model` is the name that
 * the client used. Arguments of tool calls are written unchanged, as text.
 */
export function renderResponse(response: ChatResponse, client: ClientContext): string {
  const { content } = response;
  const own = ownFields(response.extensions);
  const pages = new CitedPages();
  for (const block of content) if (block.type === "text") for (const citation of block.citations ?? []) pages.add(citation);
  const searches = new SearchWriter(client, pages);
  let blocks = "";
  let hasToolCall = false;
  let hasRefusal = false;
  for (const block of content) {
    hasToolCall ||= block.type === "tool-call";
    hasRefusal ||= block.type === "refusal";
    const rendered = renderBlocks(block, client, searches);
    if (rendered !== "") blocks += blocks === "" ? rendered : `,${rendered}`;
  }
  for (const block of searches.end()) blocks += `${blocks === "" ? "" : ","}${JSON.stringify(block)}`;
  const end = renderEnd({ stopReason: response.stopReason, stopSequence: response.stopSequence, hasToolCall, hasRefusal });
  const ownUsage = isObject(own["usage"]) ? own["usage"] : undefined;
  const head = JSON.stringify({ id: messageId(response.id), type: "message", role: "assistant", model: client.model });
  const tail = JSON.stringify({
    stop_reason: end.stop_reason,
    stop_sequence: end.stop_sequence,
    stop_details: isObject(own["stop_details"]) ? own["stop_details"] : end.stop_details,
    ...renderOwnFields(own),
    usage: renderUsage(response.usage, searches.usage === undefined ? ownUsage : { ...searches.usage, ...ownUsage }),
  });
  return `${head.slice(0, -1)},"content":[${blocks}],${tail.slice(1)}`;
}

/** The JSON of the blocks that a neutral one becomes, with commas between them. */
function renderBlocks(block: Block, client: ClientContext, searches: SearchWriter): string {
  const search = block.type === "opaque" && block.protocol !== "anthropic-messages" ? block.search : undefined;
  if (search === undefined) return renderBlock(block, client);
  return searches
    .push(search)
    .map((each) => JSON.stringify(each))
    .join(",");
}

/** Returns the JSON of a block, or "" if this dialect has no such block in an answer. */
function renderBlock(block: Block, client: ClientContext): string {
  switch (block.type) {
    case "text": {
      if (block.text === "") return "";
      const citations = block.extensions?.["anthropic-messages"]?.["citations"] ?? block.citations?.map(renderCitation);
      return JSON.stringify({ type: "text", text: block.text, citations: Array.isArray(citations) ? citations : null });
    }
    case "refusal":
      return block.text === "" ? "" : JSON.stringify({ type: "text", text: block.text, citations: null });
    case "reasoning":
      return renderReasoning(block, client);
    case "tool-call":
      return renderToolCall(block);
    case "opaque":
      return block.protocol === "anthropic-messages" && isObject(block.value) ? JSON.stringify(block.value) : "";
    case "media":
    case "tool-result":
      return "";
  }
}

function renderReasoning(block: ReasoningBlock, client: ClientContext): string {
  const proof = block.proof?.protocol === "anthropic-messages" ? block.proof : undefined;
  if (proof?.kind === "redacted") return JSON.stringify({ type: "redacted_thinking", data: proof.data });
  if (block.text === "" && proof === undefined) return "";
  const thinking = client.request.reasoning?.visibility === "none" ? "" : block.text;
  return JSON.stringify({ type: "thinking", thinking, signature: proof?.data ?? "" });
}

function renderToolCall(block: ToolCallBlock): string {
  const own = ownFields(block.extensions);
  const head = JSON.stringify({ type: "tool_use", id: block.id, name: toolName(block) });
  const tail = JSON.stringify({
    caller: isObject(own["caller"]) ? own["caller"] : { type: "direct" },
    ...(own["toolset_name"] === undefined ? {} : { toolset_name: own["toolset_name"] }),
  });
  return `${head.slice(0, -1)},"input":${inputJson(block)},${tail.slice(1)}`;
}

/** A free-text tool is a function with one string here. Arguments that are not JSON are sent to the client as a JSON string. */
function inputJson(block: ToolCallBlock): string {
  if (block.kind === "custom") return JSON.stringify({ input: block.arguments });
  if (block.arguments.trim() === "") return "{}";
  return jsonValue(block.arguments) !== undefined ? block.arguments : JSON.stringify(block.arguments);
}
