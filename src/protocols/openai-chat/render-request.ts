import type { ChatRequest, ResponseFormat } from "../../ir/index.ts";
import { compact, isObject, type WireObject } from "../openai-shared/fields.ts";
import { formatName } from "../openai-shared/format-name.ts";
import { completeArrays } from "../openai-shared/function-schema.ts";
import { jsonInstruction, lacksJsonWord } from "../openai-shared/json-word.ts";
import { LossList, refuseForeignState } from "../openai-shared/loss-list.ts";
import {
  dropUnserved,
  renderEffort,
  renderEndUser,
  renderMaxTokens,
  renderSampling,
  sharedFields,
  takesSampling,
} from "../openai-shared/render-limits.ts";
import { ToolNamer } from "../openai-shared/tool-names.ts";
import type { Rendered, RenderTarget } from "../translation.ts";
import { MessageWriter } from "./render-messages.ts";
import { renderToolFields } from "./render-tools.ts";

/** The vendor takes at most so many stop sequences. */
const maxStops = 4;

/**
 * The body of `POST /chat/completions` for a request that came in another dialect. Source: `ChatCompletionCreateParamsBase` of the npm package
 * `openai` 7.57. A stream is always asked for its usage.
 * @throws GatewayError `invalid_request` where something can neither be kept nor left out.
 */
export function renderRequest(request: ChatRequest, target: RenderTarget): Rendered<string> {
  refuseForeignState(request, "openai-chat");
  const losses = new LossList();
  const { quirks } = target;
  const names = new ToolNamer(request.tools ?? [], { namespaces: false, customAsFunction: quirks.noCustomTools === true });
  const toolFields = renderToolFields(request, quirks, names, losses);
  const writer = new MessageWriter(request.messages, target, names, losses);
  for (const message of request.messages) writer.add(message);
  const effort = renderEffort(request, target, losses);
  const { stream_options: options, ...own } = request.extensions?.["openai-chat"] ?? {};
  const body = compact({
    model: target.model,
    ...(target.stream ? { stream: true, ...streamOptions(options, quirks.noStreamOptions === true) } : {}),
    messages: withJsonWord(request, writer.end(), losses),
    ...toolFields,
    reasoning_effort: effort,
    response_format: renderFormat(request.responseFormat),
    [quirks.maxTokensField ?? "max_completion_tokens"]: renderMaxTokens(request, target, 1, losses),
    ...renderSampling(request, target, effort, losses),
    ...renderPlain(request, target, effort, losses),
    ...renderVendorFields(request, quirks.noVendorFields === true, losses),
    ...own,
  });
  dropUnserved(request, losses);
  const map = names.map;
  return { value: JSON.stringify(body), losses: losses.losses, ...(map === undefined ? {} : { toolNames: map }) };
}

function withJsonWord(request: ChatRequest, messages: readonly WireObject[], losses: LossList): readonly WireObject[] {
  if (!lacksJsonWord(request, ["system", "developer", "user", "assistant"])) return messages;
  losses.add("response_format", "emulated", "The provider demands that the messages ask for JSON.");
  return [{ role: "system", content: jsonInstruction }, ...messages];
}

function streamOptions(options: unknown, none: boolean): WireObject {
  return none ? {} : { stream_options: { ...(isObject(options) ? options : {}), include_usage: true } };
}

/** Penalties, seed and stop sequences. */
function renderPlain(request: ChatRequest, target: RenderTarget, effort: string | undefined, losses: LossList): WireObject {
  const { frequencyPenalty, presencePenalty, seed, stop } = request;
  const takes = takesSampling(target, effort);
  if (!takes) {
    if (frequencyPenalty !== undefined && frequencyPenalty !== 0) losses.drop("frequency_penalty", "A model that reasons takes none.");
    if (presencePenalty !== undefined && presencePenalty !== 0) losses.drop("presence_penalty", "A model that reasons takes none.");
    if (stop !== undefined && stop.length > 0) losses.drop("stop", "A model that reasons takes none.");
  }
  if (takes && stop !== undefined && stop.length > maxStops) losses.add("stop", "clamped", `The provider takes ${maxStops} at most.`);
  return compact({
    frequency_penalty: takes ? frequencyPenalty : undefined,
    presence_penalty: takes ? presencePenalty : undefined,
    seed,
    stop: takes && stop !== undefined && stop.length > 0 ? stop.slice(0, maxStops) : undefined,
  });
}

function renderFormat(format: ResponseFormat | undefined): WireObject | undefined {
  switch (format?.type) {
    case "text":
      return { type: "text" };
    case "json-object":
      return { type: "json_object" };
    case "json-schema": {
      const { description, schema, strict } = format;
      return {
        type: "json_schema",
        json_schema: compact({
          name: formatName(format.name),
          description,
          schema: isObject(schema) ? completeArrays(schema) : {},
          strict,
        }),
      };
    }
    case undefined:
      return undefined;
  }
}

/** Fields that OpenAI has and only some of the compatible servers. */
function renderVendorFields(request: ChatRequest, refused: boolean, losses: LossList): WireObject {
  losses.dropExtensions("", request.extensions, "openai-chat", keptFields);
  const responses = request.extensions?.["openai-responses"] ?? {};
  // What is not stored is not said: that is the default.
  const shared = Object.entries(responses).filter(([key, value]) => sharedFields.has(key) && value !== null && value !== false);
  const fields = compact({
    verbosity: request.verbosity,
    prompt_cache_key: request.cacheKey,
    safety_identifier: renderEndUser(request.endUser, losses),
    metadata: renderMetadata(request, losses),
    ...Object.fromEntries(shared),
  });
  if (!refused) return fields;
  for (const name of Object.keys(fields)) losses.drop(name, "The provider refuses fields that only OpenAI has.");
  return {};
}

/** Of the extensions of Responses: what has the same name here, or is told by the neutral form but for a part that only that wire has. */
const keptFields: ReadonlySet<string> = new Set([...sharedFields, "reasoning", "text", "tool_choice"]);

/** The vendor keeps metadata only with what it stores, and refuses it without. */
function renderMetadata({ metadata, extensions }: ChatRequest, losses: LossList): ChatRequest["metadata"] {
  if (metadata === undefined || Object.keys(metadata).length === 0) return undefined;
  if (extensions?.["openai-chat"]?.["store"] === true || extensions?.["openai-responses"]?.["store"] === true) return metadata;
  losses.drop("metadata", "The provider keeps it only with completions that it stores.");
  return undefined;
}
