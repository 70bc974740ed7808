import { estimateBodyMedia, readServiceTier, type ServiceTier, type UnitName, type Units } from "../../ir/index.ts";

/** What a body asks for that vendors bill beside plain tokens, as far as it can be seen before the answer. */
export interface AskedExtras {
  /** Tokens of media in the prompt, and calls of tools that the provider runs, as many as the request allows. */
  readonly units: Units | undefined;
  /** What the answer may be made of beside text. */
  readonly outputs: readonly ("output_audio" | "output_image")[];
  /** Anthropic's `speed`. */
  readonly speed: string | undefined;
  /** Gemini's and Anthropic's class of service; that of OpenAI's dialects is in the envelope. */
  readonly tier: ServiceTier | undefined;
  /** Anthropic's `inference_geo`. */
  readonly region: string | undefined;
}

/** The calls of each of a provider's tools that a request without a bound of its own is counted with. */
const usualCalls = 10;
const mostCalls = 1000;

/** Tools in bodies: a word that is looked for first, the form that it has as a tool of the provider, and what it is billed by: Google's search by query or by prompt. */
const tools: readonly (readonly [words: readonly string[], form: RegExp, units: readonly UnitName[]])[] = [
  [
    ["web_search", "google_search", "googleSearch"],
    /"type"\s*:\s*"(?:\w+:)?(?:web_search|google_search)|"(?:web_search_options|google_search|googleSearch(?:Retrieval)?)"\s*:/,
    ["web_search", "grounded_prompt"],
  ],
  [["file_search", "fileSearch"], /"type"\s*:\s*"file_search|"file_?[sS]earch"\s*:/, ["file_search"]],
  [["google_maps", "googleMaps"], /"google_?[mM]aps"\s*:/, ["maps_search"]],
  [
    ["code_interpreter", "code_execution", "codeExecution"],
    /"type"\s*:\s*"code_(?:interpreter|execution)|"code_?[eE]xecution"\s*:/,
    ["code_session"],
  ],
];
/** Models that search by themselves. */
const searchingModels = /:online$|-search\b|sonar/;

/** @param body the request, latin1. Each look at it is a search for a short text, which takes 1 ms for 4 MB. */
export function readAskedExtras(body: string, model: string): AskedExtras {
  const units: Partial<Record<UnitName, number>> = {};
  const media = estimateBodyMedia(body);
  if (media.audio > 0) units.input_audio = media.audio;
  if (media.image > 0) units.input_image = media.image;
  if (media.video > 0) units.input_video = media.video;
  for (const [words, form, billed] of tools) {
    const isAsked = words.some((word) => body.includes(word)) && form.test(body);
    if (!isAsked && !(billed.includes("web_search") && searchingModels.test(model))) continue;
    for (const unit of billed) units[unit] = unit === "code_session" || unit === "grounded_prompt" ? 1 : allowedCalls(body);
  }
  const hasSound = body.includes('"audio"') || body.includes('"AUDIO"');
  return {
    units: Object.keys(units).length === 0 ? undefined : units,
    outputs: hasSound ? ["output_image", "output_audio"] : ["output_image"],
    speed: body.includes('"speed"') && /"speed"\s*:\s*"fast"/.test(body) ? "fast" : undefined,
    tier: askedTier(body),
    region: body.includes('"inference_geo"') ? /"inference_geo"\s*:\s*"([\w-]{1,20})"/.exec(body)?.[1] : undefined,
  };
}

function askedTier(body: string): ServiceTier | undefined {
  if (!body.includes('"service_tier"') && !body.includes('"serviceTier"')) return undefined;
  return readServiceTier(/"service_?[tT]ier"\s*:\s*"(\w{1,40})"/.exec(body)?.[1]);
}

/** Anthropic's `max_uses` of each tool, OpenAI's `max_tool_calls` of all; the largest. */
function allowedCalls(body: string): number {
  if (!body.includes('"max_uses"') && !body.includes('"max_tool_calls"')) return usualCalls;
  let most = 0;
  for (const [, count] of body.matchAll(/"max_(?:uses|tool_calls)"\s*:\s*(\d{1,6})/g)) most = Math.max(most, Number(count));
  return most === 0 ? usualCalls : Math.min(most, mostCalls);
}
