import { isAbsent, isObject, type WireObject } from "../shared/fields.ts";
import type { Losses, LostParam } from "../shared/losses.ts";
import type { RenderQuirks } from "../quirks.ts";
import { arePlainTurns, fitMessages } from "./fit-messages.ts";
import { fitFormat, fitTools, type ThinkingWish } from "./fit-tools.ts";

export interface Fit {
  /** The quirks for the model. */
  readonly quirks: RenderQuirks;
  readonly wish: ThinkingWish;
  readonly losses: Losses;
  /** The body is a client's own, of this dialect: it is changed only where the server would refuse it. */
  readonly isOwn?: boolean;
}

/**
 * Changes the body of a chat completion in OpenAI's form so that a server with these quirks accepts it and does what the client asked for. The body
 * itself if no change is needed, which is found out first.
 */
export function fitBody(body: WireObject, fit: Fit): WireObject {
  if (isPlain(body, fit)) return body;
  const { quirks, wish, losses, isOwn = false } = fit;
  const { tools, choice, instruction, rests } = fitTools(body, quirks, wish, losses);
  const format = fitFormat(body, quirks, losses);
  const instructions = [instruction, format.instruction].filter((text) => text !== undefined);
  const fitted: Record<string, unknown> = { ...body };
  put(fitted, "tools", tools);
  put(fitted, "tool_choice", choice);
  put(fitted, "response_format", format.format);
  if (Array.isArray(body["messages"])) {
    const messages = body["messages"].filter(isObject);
    put(fitted, "messages", fitMessages(withInstructions(messages, instructions), quirks, losses));
  }
  if (rests || (wish === "off" && !isOwn)) switchOff(fitted, quirks, losses);
  else if (isOwn && wish === "off") dropEffort(fitted, quirks, losses);
  fitFields(fitted, quirks, losses);
  return fitted;
}

/** Whether nothing in the body could be refused. `false` may be wrong, and costs only time. */
function isPlain(body: WireObject, { quirks, wish }: Fit): boolean {
  if (wish === "off" || !isAbsent(body["response_format"])) return false;
  if (!isAbsent(body["tool_choice"]) && (body["tool_choice"] !== "auto" || quirks.toolChoice !== undefined)) return false;
  for (const key in quirks.renamedFields) if (body[key] !== undefined) return false;
  if (quirks.refusedFields !== undefined && hasOne(body, quirks.refusedFields)) return false;
  if (quirks.noStreamOptions === true && "stream_options" in body) return false;
  if (quirks.fixedSampling === true && hasOne(body, samplingFields)) return false;
  const { messages } = body;
  return !Array.isArray(messages) || arePlainTurns(messages);
}

function hasOne(body: WireObject, keys: readonly string[]): boolean {
  for (const key of keys) if (key in body) return true;
  return false;
}

function put(body: Record<string, unknown>, key: string, value: unknown): void {
  if (value === undefined) delete body[key];
  else if (body[key] !== value) body[key] = value;
}

/** The gateway's own instructions follow the client's. */
function withInstructions(messages: readonly WireObject[], texts: readonly string[]): readonly WireObject[] {
  if (texts.length === 0) return messages;
  const found = messages.findIndex(({ role }) => role !== "system" && role !== "developer");
  const at = found < 0 ? messages.length : found;
  return [...messages.slice(0, at), { role: "system", content: texts.join("\n\n") }, ...messages.slice(at)];
}

/** Switches thinking off in the server's way; the server would refuse an effort beside that. */
function switchOff(body: Record<string, unknown>, { thinkingSwitch }: RenderQuirks, losses: Losses): void {
  switch (thinkingSwitch) {
    case undefined:
      return;
    case "thinking":
      body["thinking"] = { type: "disabled" };
      break;
    case "chat_template_kwargs": {
      const given = body["chat_template_kwargs"];
      // Templates read one of the two names (sglang, `normalize_reasoning_inputs`).
      body["chat_template_kwargs"] = { ...(isObject(given) ? given : {}), enable_thinking: false, thinking: false };
      break;
    }
    case "reasoning":
      body["reasoning"] = { enabled: false };
      break;
    case "reasoning_effort":
      body["reasoning_effort"] = "none";
      return;
    case "never":
      losses.clamp("reasoning", "The model can't stop reasoning.");
      return;
  }
  delete body["reasoning_effort"];
}

/** Removes an effort beside thinking that is switched off. */
function dropEffort(body: Record<string, unknown>, { noEffortWithoutThinking }: RenderQuirks, losses: Losses): void {
  const isDisabled = isObject(body["thinking"]) && body["thinking"]["type"] === "disabled";
  if (noEffortWithoutThinking !== true || !isDisabled || body["reasoning_effort"] === undefined) return;
  losses.drop("reasoning.effort", "The provider refuses it if the model does not reason.");
  delete body["reasoning_effort"];
}

function fitFields(body: Record<string, unknown>, quirks: RenderQuirks, losses: Losses): void {
  for (const [key, name] of Object.entries(quirks.renamedFields ?? {})) {
    const value = body[key];
    if (value === undefined) continue;
    delete body[key];
    body[name] ??= value;
    losses.emulate(paramOf(key), `The provider calls it "${name}".`);
  }
  const refused = [
    ...(quirks.refusedFields ?? []),
    ...(quirks.noStreamOptions === true ? ["stream_options"] : []),
    ...(quirks.fixedSampling === true ? samplingFields : []),
  ];
  for (const key of refused) {
    if (!(key in body)) continue;
    if (isDefault(key, body[key])) losses.emulate(paramOf(key), "The provider refuses it; its value is the default.");
    else losses.drop(paramOf(key), "The provider refuses it.");
    delete body[key];
  }
}

/** The fields that a model with fixed sampling refuses. */
export const samplingFields = ["temperature", "top_p", "n", "presence_penalty", "frequency_penalty"];

/** Whether a field asks for what also happens without it. */
function isDefault(key: string, value: unknown): boolean {
  if (isAbsent(value)) return true;
  const usual = defaults[key];
  return usual !== undefined && usual === value;
}

const defaults: Readonly<Record<string, unknown>> = {
  frequency_penalty: 0,
  presence_penalty: 0,
  n: 1,
  temperature: 1,
  top_p: 1,
  parallel_tool_calls: true,
  store: false,
  logprobs: false,
  service_tier: "auto",
};

const params: Readonly<Record<string, LostParam>> = {
  frequency_penalty: "frequencyPenalty",
  presence_penalty: "presencePenalty",
  n: "candidateCount",
  temperature: "temperature",
  top_p: "topP",
  seed: "seed",
  stop: "stop",
  max_completion_tokens: "maxOutputTokens",
  max_tokens: "maxOutputTokens",
  parallel_tool_calls: "parallelToolCalls",
  reasoning_effort: "reasoning.effort",
  service_tier: "serviceTier",
  logprobs: "logprobs",
  top_logprobs: "logprobs",
  verbosity: "verbosity",
  metadata: "metadata",
  prompt_cache_key: "cacheKey",
  safety_identifier: "endUser",
  user: "endUser",
};

function paramOf(key: string): LostParam {
  return params[key] ?? `request.${key}`;
}
