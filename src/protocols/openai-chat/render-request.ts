import type { ChatRequest } from "../../ir/index.ts";
import { addFields, compact, isObject, type WireObject } from "../shared/fields.ts";
import { jsonInstruction, lacksJsonWord } from "../openai-shared/json-word.ts";
import { withDistinctTools } from "../shared/distinct-tools.ts";
import { Losses, refuseForeignState, refuseSeveralStreams } from "../shared/losses.ts";
import {
  dropUnserved,
  renderEffort,
  renderCacheKey,
  renderEndUser,
  renderMaxTokens,
  renderSampling,
  sharedFields,
  takesSampling,
} from "../openai-shared/render-limits.ts";
import { ToolNamer, wordCharacters } from "../shared/tool-names.ts";
import type { Rendered, RenderTarget } from "../translation.ts";
import { renderFormat } from "../openai-shared/text-format.ts";
import { fitBody } from "./fit-body.ts";
import type { ThinkingWish } from "./fit-tools.ts";
import { MessageWriter } from "./render-messages.ts";
import { takeSearch } from "./render-search.ts";
import { renderToolFields } from "./render-tools.ts";

/** The vendor accepts at most this number of stop sequences. */
const maxStops = 4;

/**
 * Renders the body of `POST /chat/completions` for a request of another dialect. Source: `ChatCompletionCreateParamsBase` of the npm package `openai`
 * 7.57. A stream is always asked for its usage.
 * @throws GatewayError `invalid_request` if something can neither be rendered nor omitted.
 */
export function renderRequest(asked: ChatRequest, target: RenderTarget): Rendered<string> {
  refuseForeignState(asked, "openai-chat");
  refuseSeveralStreams(asked, target);
  const losses = new Losses();
  const { request, options: searchOptions } = takeSearch(withDistinctTools(asked), target, losses);
  const { quirks } = target;
  const names = new ToolNamer(request.tools ?? [], { forbidden: wordCharacters, freeText: quirks.noCustomTools !== true });
  const toolFields = renderToolFields(request, quirks, names, losses);
  const writer = new MessageWriter(request.messages, target, names, losses);
  for (const message of request.messages) writer.add(message);
  const effort = renderEffort(request, target, losses);
  const own = request.extensions?.["openai-chat"];
  // Field by field: spreads into one literal take several times as long.
  const body: Record<string, unknown> = { model: target.model };
  if (target.stream) {
    body["stream"] = true;
    if (quirks.noStreamOptions !== true) body["stream_options"] = streamOptions(own?.["stream_options"]);
  }
  body["messages"] = withJsonWord(request, writer.end(), losses);
  addFields(body, toolFields);
  if (searchOptions !== undefined) body["web_search_options"] = searchOptions;
  if (effort !== undefined) body["reasoning_effort"] = effort;
  const format = renderFormat(request.responseFormat, (schema) => ({ json_schema: schema }), target, losses);
  if (format !== undefined) body["response_format"] = format;
  const maxTokens = renderMaxTokens(request, target, 1, losses);
  if (maxTokens !== undefined) body[quirks.maxTokensField ?? "max_completion_tokens"] = maxTokens;
  addFields(body, renderSampling(request, target, effort, losses));
  addFields(body, renderPlain(request, target, effort, losses));
  addFields(body, renderVendorFields(request, target, losses));
  if (own !== undefined) addFields(body, own, "stream_options");
  dropUnserved(request, losses);
  dropVisibility(request, target, losses);
  if (quirks.extraFields !== undefined) addFields(body, quirks.extraFields);
  const fitted = fitBody(body, { quirks, wish: wishOf(request), losses });
  return { value: JSON.stringify(fitted), losses: losses.list, ...(names.toolNames === undefined ? {} : { toolNames: names.toolNames }) };
}

/** What the client wants of reasoning. With adaptive thinking, the model decides, and an effort only limits how much it thinks. */
function wishOf({ reasoning }: ChatRequest): ThinkingWish {
  if (reasoning === undefined) return "open";
  const { enabled, effort, budgetTokens, adaptive } = reasoning;
  if (enabled === false || effort === "none") return "off";
  if (enabled === true || budgetTokens !== undefined) return "asked";
  return effort === undefined || effort === "adaptive" || effort === "auto" || adaptive === true ? "open" : "asked";
}

function withJsonWord(request: ChatRequest, messages: readonly WireObject[], losses: Losses): readonly WireObject[] {
  if (!lacksJsonWord(request, ["system", "developer", "user", "assistant"])) return messages;
  losses.emulate("responseFormat", "The provider requires that the messages ask for JSON.");
  return [{ role: "system", content: jsonInstruction }, ...messages];
}

function streamOptions(options: unknown): WireObject {
  return { ...(isObject(options) ? options : {}), include_usage: true };
}

/** Renders penalties, seed, stop sequences, and the number of answers. */
function renderPlain(request: ChatRequest, target: RenderTarget, effort: string | undefined, losses: Losses): WireObject {
  const { frequencyPenalty, presencePenalty, seed, stop } = request;
  const takes = takesSampling(target, effort);
  if (!takes) {
    if (frequencyPenalty !== undefined && frequencyPenalty !== 0) losses.drop("frequencyPenalty", "A model that reasons accepts none.");
    if (presencePenalty !== undefined && presencePenalty !== 0) losses.drop("presencePenalty", "A model that reasons accepts none.");
    if (stop !== undefined && stop.length > 0) losses.drop("stop", "A model that reasons accepts none.");
  }
  if (takes && stop !== undefined && stop.length > maxStops) losses.clamp("stop", `The provider accepts at most ${maxStops}.`);
  return compact({
    frequency_penalty: takes ? frequencyPenalty : undefined,
    presence_penalty: takes ? presencePenalty : undefined,
    seed,
    n: request.candidateCount,
    stop: takes && stop !== undefined && stop.length > 0 ? stop.slice(0, maxStops) : undefined,
  });
}

/** The wire cannot ask for visible reasoning; servers that have a field for it always show it. */
function dropVisibility({ reasoning }: ChatRequest, { quirks }: RenderTarget, losses: Losses): void {
  const isAsked = reasoning?.visibility === "summary" || reasoning?.visibility === "full";
  if (isAsked && quirks.reasoningField === undefined)
    losses.drop("reasoning.visibility", "The provider's protocol does not show reasoning.");
}

/** Renders fields that OpenAI has and only some of the compatible servers. */
function renderVendorFields(request: ChatRequest, target: RenderTarget, losses: Losses): WireObject {
  losses.dropForeign(request.extensions, "openai-chat", "request", sharedFields);
  const responses = request.extensions?.["openai-responses"];
  // A `false` or null is omitted, as it is the default.
  const shared =
    responses === undefined
      ? []
      : Object.entries(responses).filter(([key, value]) => sharedFields.has(key) && value !== null && value !== false);
  const fields = compact({
    verbosity: request.verbosity,
    prompt_cache_key: renderCacheKey(request, target, losses),
    safety_identifier: renderEndUser(request.endUser, losses),
    metadata: renderMetadata(request, losses),
    ...(shared.length === 0 ? undefined : Object.fromEntries(shared)),
  });
  if (target.quirks.noVendorFields !== true) return fields;
  const reason = "The provider refuses fields that only OpenAI has.";
  for (const param of vendorParams) if (request[param] !== undefined) losses.drop(param, reason);
  if (shared.length > 0) losses.dropForeign({ "openai-responses": Object.fromEntries(shared) }, "openai-chat", "request");
  return {};
}

/** The neutral fields that only OpenAI's own fields can carry. */
const vendorParams = ["verbosity", "cacheKey", "endUser", "metadata"] as const;

/** The vendor keeps metadata only with completions that it stores, and refuses them otherwise. */
function renderMetadata({ metadata, extensions }: ChatRequest, losses: Losses): ChatRequest["metadata"] {
  if (metadata === undefined || Object.keys(metadata).length === 0) return undefined;
  if (extensions?.["openai-chat"]?.["store"] === true || extensions?.["openai-responses"]?.["store"] === true) return metadata;
  losses.drop("metadata", "The provider keeps it only with completions that it stores.");
  return undefined;
}
