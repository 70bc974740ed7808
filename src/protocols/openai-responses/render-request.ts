import type { ChatRequest } from "../../ir/index.ts";
import { compact, isObject, type WireObject } from "../shared/fields.ts";
import { jsonInstruction, lacksJsonWord } from "../openai-shared/json-word.ts";
import { withDistinctTools } from "../shared/distinct-tools.ts";
import { Losses, refuseForeignState, refuseSeveralAnswers } from "../shared/losses.ts";
import { readTraits } from "../model-traits.ts";
import { openaiTraits } from "../openai-shared/model-traits.ts";
import {
  dropUnserved,
  renderEffort,
  renderCacheKey,
  renderEndUser,
  renderMaxTokens,
  renderSampling,
  sharedFields,
} from "../openai-shared/render-limits.ts";
import { ToolNamer, wordCharacters } from "../shared/tool-names.ts";
import type { Rendered, RenderTarget } from "../translation.ts";
import { renderFormat } from "../openai-shared/text-format.ts";
import { labelPhases } from "./label-phases.ts";
import { renderInput } from "./render-input.ts";
import { hostedNames, renderToolFields } from "./upstream-tools.ts";

/** The vendor refuses a lower limit of output tokens. */
export const leastOutputTokens = 16;

/** Fields that are merged from the neutral form and the extensions. */
const mergedFields: ReadonlySet<string> = new Set(["reasoning", "text", "tool_choice", "instructions"]);

/**
 * Renders the body of `POST /responses` for a request of another dialect. Source: `ResponseCreateParamsBase` of the npm package `openai` 7.57. A
 * client of another dialect has no stored responses, so nothing is stored unless it asked, and reasoning is requested in the form that can be sent
 * back.
 * @throws GatewayError `invalid_request` if something can neither be rendered nor omitted.
 */
export function renderRequest(given: ChatRequest, target: RenderTarget): Rendered<string> {
  const request = withDistinctTools(given);
  refuseForeignState(request, "openai-responses");
  refuseSeveralAnswers(request);
  const losses = new Losses();
  const { quirks } = target;
  const customAsFunction = quirks.noCustomTools === true;
  const names = new ToolNamer(request.tools ?? [], {
    forbidden: wordCharacters,
    namespaces: !customAsFunction,
    freeText: !customAsFunction,
    reserved: hostedNames(request.tools ?? []),
  });
  const toolFields = renderToolFields(request, quirks, names, losses);
  const { instructions, input } = renderInput(request, { names, customAsFunction, losses });
  const effort = fitHosted(renderEffort(request, target, losses), toolFields, losses);
  const own = request.extensions?.["openai-responses"];
  const body = compact({
    model: target.model,
    stream: target.stream ? true : undefined,
    instructions,
    input: withJsonWord(request, readTraits(openaiTraits, target).needsPhase ? labelPhases(input) : input, losses),
    ...toolFields,
    reasoning: nonEmpty({ effort, ...renderSummary(request, target), ...objectOf(own?.["reasoning"]) }),
    text: nonEmpty({
      format: renderFormat(request.responseFormat, (schema) => schema, target, losses),
      verbosity: request.verbosity,
      ...objectOf(own?.["text"]),
    }),
    max_output_tokens: renderMaxTokens(request, target, leastOutputTokens, losses),
    ...renderSampling(request, target, effort, losses),
    prompt_cache_key: renderCacheKey(request, target, losses),
    safety_identifier: renderEndUser(request.endUser, losses),
    metadata: renderMetadata(request, losses),
    ...(own === undefined ? foreignDefaults(target, toolFields) : {}),
    ...sharedOf(request, losses),
    ...Object.fromEntries(Object.entries(own ?? {}).filter(([key]) => !mergedFields.has(key))),
  });
  dropUnserved(request, losses);
  dropUnknown(request, losses);
  return { value: JSON.stringify(body), losses: losses.list, ...(names.toolNames === undefined ? {} : { toolNames: names.toolNames }) };
}

function withJsonWord(request: ChatRequest, input: readonly WireObject[], losses: Losses): readonly WireObject[] {
  if (!lacksJsonWord(request, ["developer", "user", "assistant"])) return input;
  losses.emulate("responseFormat", "The provider requires that the input asks for JSON.");
  return [{ type: "message", role: "developer", content: [{ type: "input_text", text: jsonInstruction }] }, ...input];
}

/** "The following tools cannot be used with reasoning.effort 'minimal': web_search." */
function fitHosted(effort: string | undefined, { tools }: WireObject, losses: Losses): string | undefined {
  const isHosted = (tool: unknown): boolean => isObject(tool) && (tool["type"] === "web_search" || tool["type"] === "code_interpreter");
  if (effort !== "minimal" || !Array.isArray(tools) || !tools.some(isHosted)) return effort;
  losses.clamp("reasoning.effort", 'The least that the model accepts beside its own tools is "low".');
  return "low";
}

function foreignDefaults(target: RenderTarget, { tools }: WireObject): WireObject {
  const isSearching = Array.isArray(tools) && tools.some((tool) => isObject(tool) && tool["type"] === "web_search");
  const include = [
    ...(readTraits(openaiTraits, target).reasons ? ["reasoning.encrypted_content"] : []),
    // Else only cited pages are shown.
    ...(isSearching ? ["web_search_call.action.sources"] : []),
  ];
  return { store: false, ...(include.length === 0 ? {} : { include }) };
}

function renderSummary({ reasoning }: ChatRequest, target: RenderTarget): WireObject {
  const shown = reasoning?.visibility === "summary" || reasoning?.visibility === "full";
  return shown && reasoning.enabled !== false && readTraits(openaiTraits, target).reasons ? { summary: "auto" } : {};
}

/** At most 16 pairs, names of 64 characters, texts of 512 (`Metadata` of the npm package `openai` 7.57). */
function renderMetadata({ metadata }: ChatRequest, losses: Losses): ChatRequest["metadata"] {
  if (metadata === undefined) return undefined;
  const pairs = Object.entries(metadata);
  if (pairs.length <= 16 && pairs.every(([name, text]) => name.length <= 64 && text.length <= 512)) return metadata;
  losses.drop("metadata", "The provider accepts at most 16 pairs, of 64 and 512 characters.");
  return undefined;
}

/** The fields that Chat has under the same name. */
function sharedOf(request: ChatRequest, losses: Losses): WireObject {
  losses.dropForeign(request.extensions, "openai-responses", "request", sharedFields);
  const chat = request.extensions?.["openai-chat"] ?? {};
  return Object.fromEntries(Object.entries(chat).filter(([key, value]) => sharedFields.has(key) && value !== null));
}

/** Reports the fields that Chat has and Responses has not. */
function dropUnknown(request: ChatRequest, losses: Losses): void {
  const reason = "The provider's protocol has no such field.";
  const { frequencyPenalty, presencePenalty, seed, stop } = request;
  if (frequencyPenalty !== undefined && frequencyPenalty !== 0) losses.drop("frequencyPenalty", reason);
  if (presencePenalty !== undefined && presencePenalty !== 0) losses.drop("presencePenalty", reason);
  if (seed !== undefined) losses.drop("seed", reason);
  if (stop !== undefined && stop.length > 0) losses.drop("stop", reason);
}

function objectOf(value: unknown): WireObject {
  return isObject(value) ? value : {};
}

function nonEmpty(object: WireObject): WireObject | undefined {
  const fields = compact(object);
  return Object.keys(fields).length === 0 ? undefined : fields;
}
