import { createHash } from "node:crypto";
import type { Block, ChatRequest } from "../../ir/index.ts";
import { compact, isObject, type WireObject } from "../shared/fields.ts";
import { withDistinctTools } from "../shared/distinct-tools.ts";
import { Losses, refuseForeignState, refuseSeveralAnswers } from "../shared/losses.ts";
import { readTraits } from "../model-traits.ts";
import { PropertyNamer } from "../shared/property-names.ts";
import { ToolNamer } from "../shared/tool-names.ts";
import type { Rendered, RenderTarget } from "../translation.ts";
import { arrangeTurns, type Turn, type TurnRules } from "../shared/turns.ts";
import { markPrompt, type MarkedPrompt } from "./cache-marks.ts";
import { claudeTraits, type ModelTraits } from "./model-traits.ts";
import { BlockRenderer, cacheControl, hasPlace, printBlock, type OutBlock } from "./render-blocks.ts";
import { renderFormat } from "./render-format.ts";
import { effortLoss } from "./own-body.ts";
import { renderReasoning, type RenderedReasoning } from "./render-reasoning.ts";
import { renderSampling } from "./render-sampling.ts";
import { isForced, propertyNames, renderToolChoice, renderToolRequest, renderTools, standInTools, toolNameRules } from "./render-tools.ts";

/** The vendor requires `max_tokens`. This is its value if the client sets none, or the model's limit if that is lower. */
export const defaultMaxTokens = 32_000;
/** The text of a turn that the vendor requires and the client does not have. */
const emptyTurn = ".";
const continueTurn = "Continue.";
const maxUserIdLength = 256;
const ownTiers: ReadonlySet<string> = new Set(["auto", "standard_only"]);

/**
 * Renders the body of `POST /v1/messages`, `{"model","max_tokens","system":[…],"messages":[…],"tools":[…],…}` (Anthropic API reference and SDK 1.12,
 * November 2026). Arguments of tool calls are written unchanged, as text.
 * @throws GatewayError `invalid_request` if the request would change its meaning, such as a forced tool that is not sent.
 */
export function renderRequest(given: ChatRequest, target: RenderTarget): Rendered<string> {
  const request = withDistinctTools(given);
  refuseForeignState(request, "anthropic-messages");
  refuseSeveralAnswers(request);
  const losses = new Losses();
  const namer = new ToolNamer(request.tools ?? [], toolNameRules(request.tools ?? [], target));
  const traits = readTraits(claudeTraits, target);
  const names = { tools: namer, properties: new PropertyNamer(propertyNames) };
  const maxTokens = renderMaxTokens(request, target.quirks.maxOutputTokens ?? traits.maxOutputTokens, losses);
  const declared = renderTools(request, traits, names, losses);
  const { format, instruction, tool: answerTool } = renderFormat(request, traits, names, losses);
  const { instructions, turns } = arrangeTurns(request.messages, turnRules(traits, target, losses), losses);
  const offered = answerTool === undefined ? declared : [...declared, answerTool];
  const standIns = offered.length > 0 ? [] : standInTools(turns, namer, losses);
  const tools = [...offered, ...standIns];
  const forced = renderToolChoice(request, declared, namer, losses);
  const toolRequest = renderToolRequest(forced, traits, losses);
  const choice = standIns.length > 0 ? { type: "none" } : choiceSent(forced, toolRequest);
  const reasoning = renderReasoning(
    request,
    { traits, maxTokens, isToolForced: isForced(request.toolChoice) || answerTool !== undefined, turns },
    losses,
  );
  const blocks = new BlockRenderer(names, losses);
  const began = withTurnsOfUser(turns, traits.takesPrefill && !reasoning.isOn, losses);
  const unmarked = {
    tools,
    system: renderSystem(instructions, [instruction, toolRequest], blocks, losses),
    turns: renderTurns(began, blocks),
  };
  const { prompt, messages } = printPrompt(unmarked, began, { request, target, traits }, losses);
  reportUnnamed(request, losses);
  const { thinking: _, output_config: ownOutput, metadata: ownMetadata, ...ownFields } = request.extensions?.["anthropic-messages"] ?? {};
  const output = { effort: renderEffort(reasoning, target, losses), format, ...(isObject(ownOutput) ? ownOutput : {}) };
  const body = compact({
    model: target.model,
    max_tokens: maxTokens,
    stream: target.stream ? true : undefined,
    system: prompt.system.length === 0 ? undefined : prompt.system.map(({ fields, cache }) => marked(fields, cache)),
    tools: prompt.tools.length === 0 ? undefined : prompt.tools.map(({ fields, cache }) => marked(fields, cache)),
    tool_choice: answerTool === undefined || choice?.["type"] === "tool" ? choice : forcedAnswer(declared, answerTool),
    thinking: reasoning.thinking,
    output_config: Object.values(output).every((value) => value === undefined) ? undefined : compact(output),
    ...renderSampling(request, traits, reasoning.isOn, losses),
    stop_sequences: renderStop(request, losses),
    metadata: renderMetadata(request, ownMetadata),
    service_tier: renderTier(request, losses),
    ...ownFields,
  });
  const toolNames = names.properties.addTo(namer.toolNames);
  return {
    value: `${JSON.stringify(body).slice(0, -1)},"messages":[${messages.join(",")}]}`,
    losses: losses.list,
    ...(toolNames === undefined ? {} : { toolNames }),
  };
}

interface RequestOfModel {
  readonly request: ChatRequest;
  readonly target: RenderTarget;
  readonly traits: ModelTraits;
}

/** The prompt with its cache marks, and its messages as JSON. */
function printPrompt(
  unmarked: MarkedPrompt,
  turns: readonly Turn[],
  { request, target, traits }: RequestOfModel,
  losses: Losses,
): { readonly prompt: MarkedPrompt; readonly messages: readonly string[] } {
  const printed: string[] = [];
  const blocks = new Map<WireObject, string>();
  const prompt = markPrompt(
    unmarked,
    {
      caching: target.caching,
      cacheKey: request.cacheKey,
      isMarkedAtTop: isObject(request.extensions?.["anthropic-messages"]?.["cache_control"]),
      minTokens: traits.minCacheTokens,
      print: (turn, at) => (printed[at] = printTurn(turn, turns[at], at, blocks)),
    },
    losses,
  );
  // A turn that got no mark may have been printed before.
  const messages = prompt.turns.map(
    (turn, at) => (turn === unmarked.turns[at] ? printed[at] : undefined) ?? printTurn(turn, turns[at], at, blocks),
  );
  return { prompt, messages };
}

/** Models of the vendor's that accept instructions between turns get them there; another server may not know such messages. */
function turnRules({ takesSystemTurns }: ModelTraits, { quirks }: RenderTarget, losses: Losses): TurnRules {
  return {
    keeps: (block, role) => hasPlace(block, role, losses),
    takesSystemTurns: takesSystemTurns && quirks.noVendorFields !== true && quirks.noSystemTurns !== true,
  };
}

/** A turn as JSON, of the user's or the model's, with the instructions of the system that follow it. */
function printTurn(content: readonly OutBlock[], turn: Turn | undefined, at: number, printed: Map<WireObject, string>): string {
  const blocks = content.map((block) => printBlock(block, printed)).join(",");
  const message = `{"role":"${at % 2 === 0 ? "user" : "assistant"}","content":[${blocks}]}`;
  const system = turn?.system;
  return system === undefined
    ? message
    : `${message},${JSON.stringify({ role: "system", content: system.map((text) => ({ type: "text", text })) })}`;
}

/** The model must call a tool: one of the client's, or the one that takes the answer. */
function forcedAnswer(declared: readonly OutBlock[], answerTool: OutBlock): WireObject {
  return declared.length > 0 ? { type: "any" } : { type: "tool", name: answerTool.fields["name"] };
}

/** Some models refuse an effort if they do not think. */
function renderEffort({ thinking, effort }: RenderedReasoning, { quirks }: RenderTarget, losses: Losses): string | undefined {
  const isRefused = thinking?.["type"] === "disabled" && quirks.noEffortWithoutThinking === true;
  if (!isRefused) return effort;
  if (effort !== undefined) losses.drop("reasoning.effort", effortLoss.reason);
  return undefined;
}

/** A choice that the model cannot be forced to is asked for in the instructions. */
function choiceSent(choice: WireObject | undefined, toolRequest: string | undefined): WireObject | undefined {
  return toolRequest === undefined ? choice : { ...choice, type: "auto", name: undefined };
}

function marked(fields: WireObject, cache: OutBlock["cache"]): WireObject {
  return cache === undefined ? fields : { ...fields, cache_control: cacheControl(cache) };
}

function renderMaxTokens({ maxOutputTokens }: ChatRequest, limit: number | undefined, losses: Losses): number {
  const asked = maxOutputTokens ?? defaultMaxTokens;
  if (limit === undefined || asked <= limit) return asked;
  if (maxOutputTokens !== undefined) losses.clamp("maxOutputTokens", `The model writes at most ${limit} tokens.`);
  return limit;
}

/** `system` contains only texts. */
function renderSystem(
  instructions: readonly Block[],
  added: readonly (string | undefined)[],
  blocks: BlockRenderer,
  losses: Losses,
): readonly OutBlock[] {
  const texts = instructions.flatMap((block): OutBlock[] => {
    if (block.type === "text") return block.text.trim() === "" ? [] : [blocks.render(block)];
    if (block.type === "media") losses.drop(block.kind, "The provider accepts only text as instructions.");
    return [];
  });
  return [...texts, ...added.flatMap((text) => (text === undefined ? [] : [{ fields: { type: "text", text } }]))];
}

/** The first turn must be the user's; so must the last one, if the model accepts no beginning of its answer (a prefill). */
function withTurnsOfUser(turns: readonly Turn[], takesPrefill: boolean, losses: Losses): readonly Turn[] {
  const began = turns[0]?.role === "user" ? turns : [userTurn(emptyTurn), ...turns];
  const last = began.at(-1);
  if (last === undefined || last.role === "user") return began;
  if (takesPrefill) return [...began.slice(0, -1), { ...last, content: trimLast(last.content) }];
  losses.emulate("messages[]", "The model begins its answers itself: the user asks it to go on.");
  return [...began, userTurn(continueTurn)];
}

/** The beginning of an answer must not end in white space. */
function trimLast(content: readonly Block[]): readonly Block[] {
  const last = content.at(-1);
  return last?.type === "text" ? [...content.slice(0, -1), { ...last, text: last.text.trimEnd() }] : content;
}

function userTurn(text: string): Turn {
  return { role: "user", results: [], content: [{ type: "text", text }] };
}

/** In a turn of the user, the results come first; in a turn of the model, its thinking. */
function renderTurns(turns: readonly Turn[], blocks: BlockRenderer): readonly (readonly OutBlock[])[] {
  return turns.map(({ role, results, content }) => {
    const rest = content.filter((block) => block.type !== "tool-result");
    const ordered = role === "assistant" && rest[0]?.type !== "reasoning" ? rest.toSorted((a, b) => rank(a) - rank(b)) : rest;
    return [...results.map((result) => blocks.result(result)), ...ordered.map((block) => blocks.render(block))];
  });
}

function rank(block: Block): number {
  return block.type === "reasoning" ? 0 : 1;
}

function renderStop({ stop }: ChatRequest, losses: Losses): readonly string[] | undefined {
  const kept = stop?.filter((sequence) => sequence.trim() !== "");
  if (stop !== undefined && kept?.length !== stop.length) losses.drop("stop", "The provider accepts no sequence of only white space.");
  return kept === undefined || kept.length === 0 ? undefined : kept;
}

/** An id of the end user that is too long is replaced by its hash, which identifies the user as well. */
function renderMetadata({ endUser }: ChatRequest, own: unknown): WireObject | undefined {
  const rest = isObject(own) ? own : {};
  if (endUser === undefined) return Object.keys(rest).length === 0 ? undefined : rest;
  const userId = endUser.length <= maxUserIdLength ? endUser : createHash("sha256").update(endUser).digest("hex");
  return { ...rest, user_id: userId };
}

function renderTier({ serviceTier }: ChatRequest, losses: Losses): string | undefined {
  if (serviceTier === undefined || ownTiers.has(serviceTier)) return serviceTier;
  if (serviceTier !== "default") losses.drop("serviceTier", "The provider has other tiers.");
  return undefined;
}

/** Reports the fields of the request that this protocol does not have. */
function reportUnnamed(request: ChatRequest, losses: Losses): void {
  const none = "The provider has no such parameter.";
  if (request.frequencyPenalty !== undefined && request.frequencyPenalty !== 0) losses.drop("frequencyPenalty", none);
  if (request.presencePenalty !== undefined && request.presencePenalty !== 0) losses.drop("presencePenalty", none);
  if (request.seed !== undefined) losses.drop("seed", none);
  if (request.logprobs !== undefined) losses.drop("logprobs", none);
  if (request.verbosity !== undefined) losses.drop("verbosity", none);
  if (request.metadata !== undefined) losses.drop("metadata", none);
  losses.dropForeign(request.extensions, "anthropic-messages", "request");
  for (const message of request.messages) {
    if (message.name !== undefined) losses.drop("messages[].name", none);
    losses.dropForeign(message.extensions, "anthropic-messages", "messages[]");
    for (const key of Object.keys(message.extensions?.["anthropic-messages"] ?? {}))
      losses.drop(`messages[].${key}`, "The turn is merged with others.");
  }
}
