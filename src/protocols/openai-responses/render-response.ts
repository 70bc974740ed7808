import type { Block, ChatRequest, ChatResponse, WebSearch } from "../../ir/index.ts";
import type { ClientContext } from "../protocol.ts";
import {
  callItem,
  incompleteReason,
  itemId,
  messageItem,
  opaqueItem,
  pictureItem,
  reasoningItem,
  refusalPart,
  textPart,
  type ItemStatus,
} from "./output-items.ts";
import { clientCallItem, clientToolOfCall } from "./client-tools.ts";
import { compactedContent, isCompaction } from "./compaction.ts";
import { searchItem } from "./search-items.ts";
import { echoRequest, responseId, responseObject } from "./response-object.ts";
import type { WireItem, WirePart } from "./wire.ts";

/** Renders a response object. Consecutive texts are parts of one message; the model has the name that the client used. */
export function renderResponse(response: ChatResponse, client: ClientContext): string {
  const id = responseId(client.answerId ?? response.id);
  const reason = incompleteReason(
    response.stopReason,
    response.content.some((block) => block.type === "refusal"),
  );
  const { request, sealSummary } = client;
  const content =
    sealSummary !== undefined && isCompaction(request)
      ? compactedContent(response.content, client.answerId ?? response.id, sealSummary)
      : response.content;
  const state = {
    id,
    createdAt: response.createdAt,
    model: client.model,
    status: reason === undefined ? ("completed" as const) : ("incomplete" as const),
    output: renderOutput(content, { response: id, request, cut: reason !== undefined }),
    usage: response.usage,
    incompleteReason: reason,
  };
  return JSON.stringify(responseObject(state, echoRequest(client.request)));
}

/** The vendor shows reasoning only to clients that ask for a summary of it. */
export function showsReasoning(request: ChatRequest): boolean {
  const visibility = request.reasoning?.visibility;
  return visibility === "summary" || visibility === "full";
}

interface OutputContext {
  /** The id of the response. */
  readonly response: string;
  readonly request: ChatRequest;
  readonly cut: boolean;
}

function renderOutput(content: readonly Block[], context: OutputContext): readonly WireItem[] {
  const { response, cut } = context;
  const groups = groupTexts(content);
  const last = groups.findLastIndex((group) => !isProofAlone(group));
  return groups.map((group, index) => {
    const final = index === last;
    const status: ItemStatus = cut && final ? "incomplete" : "completed";
    if (Array.isArray(group)) return messageItem(itemId("msg_", undefined, response, index), group, status, final);
    return renderItem(group, index, status, context);
  });
}

type ItemBlock = Extract<Block, { type: "reasoning" | "tool-call" | "media" }> | { readonly type: "item"; readonly item: WireItem };

/** Blocks that are an item each, and the parts of the messages between them; blocks that this dialect does not have are omitted. */
function groupTexts(content: readonly Block[]): readonly (WirePart[] | ItemBlock)[] {
  const groups: (WirePart[] | ItemBlock)[] = [];
  for (const block of content) {
    if (block.type === "text" || block.type === "refusal") {
      const part = block.type === "text" ? textPart(block.text, block.citations) : refusalPart(block.text);
      const last = groups.at(-1);
      if (Array.isArray(last)) last.push(part);
      else groups.push([part]);
    } else if (block.type === "opaque") {
      const item = block.protocol === "openai-responses" ? opaqueItem(block.value) : itemOfSearch(block.search);
      if (item !== undefined) groups.push({ type: "item", item });
      else if (block.media !== undefined && isPicture(block.media)) groups.push(block.media);
    } else if (block.type === "reasoning" || block.type === "tool-call" || isPicture(block)) {
      groups.push(block);
    }
  }
  return groups;
}

function itemOfSearch(search: WebSearch | undefined): WireItem | undefined {
  return search === undefined ? undefined : searchItem(search);
}

function isProofAlone(group: WirePart[] | ItemBlock): boolean {
  return !Array.isArray(group) && group.type === "reasoning" && group.text === "";
}

type Picture = Extract<Block, { type: "media" }>;

function isPicture(block: Block): block is Picture {
  return block.type === "media" && block.kind === "image" && block.source.type === "base64";
}

function renderItem(block: ItemBlock, index: number, status: ItemStatus, { response, request }: OutputContext): WireItem {
  switch (block.type) {
    case "item":
      return block.item;
    case "reasoning":
      return reasoningItem({
        id: itemId("rs_", block.id, response, index),
        text: block.text,
        proof: block.proof,
        shown: showsReasoning(request),
      });
    case "tool-call": {
      const { id: callId, name, namespace, kind, arguments: text } = block;
      const own = clientToolOfCall(request, { name, namespace, kind });
      if (own !== undefined)
        return clientCallItem(own, { id: itemId(own.idPrefix, block.itemId, response, index), callId, arguments: text }, status);
      const id = itemId(kind === "custom" ? "ctc_" : "fc_", block.itemId, response, index);
      return callItem({ id, callId, name, namespace, kind, arguments: text }, status);
    }
    case "media":
      return pictureItem(block, response, index)!;
  }
}
