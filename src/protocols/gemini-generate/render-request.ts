import type { ChatRequest } from "../../ir/index.ts";
import { compact } from "../shared/fields.ts";
import { withDistinctTools } from "../shared/distinct-tools.ts";
import { Losses, refuseForeignState, refuseSeveralStreams } from "../shared/losses.ts";
import { readTraits } from "../model-traits.ts";
import { PropertyNamer } from "../shared/property-names.ts";
import { ToolNamer } from "../shared/tool-names.ts";
import type { Rendered, RenderTarget } from "../translation.ts";
import { geminiTraits } from "./model-traits.ts";
import { renderConfig } from "./render-config.ts";
import { renderContents } from "./render-contents.ts";
import { propertyNames, renderToolConfig, renderTools } from "./render-tools.ts";

const ownTiers: ReadonlySet<string> = new Set(["standard", "flex", "priority"]);

/**
 * Renders the body of `:generateContent` and `:streamGenerateContent`, `{"systemInstruction","contents":[…],"tools","toolConfig","generationConfig"}`
 * (Gemini API reference, v1beta, and `@google/genai` 3.1, November 2026). The model and whether the answer streams are in the path. Arguments of
 * function calls are written unchanged, as text.
 * @throws GatewayError `invalid_request` if the request would change its meaning, such as a forced tool that is not sent.
 */
export function renderRequest(given: ChatRequest, target: RenderTarget): Rendered<string> {
  const request = withDistinctTools(given);
  refuseForeignState(request, "gemini-generate");
  refuseSeveralStreams(request, target);
  const losses = new Losses();
  const namer = new ToolNamer(request.tools ?? [], { forbidden: /[^a-zA-Z0-9_.:-]/g, begins: /^[a-zA-Z_]/ });
  const traits = readTraits(geminiTraits, target);
  const properties = new PropertyNamer(propertyNames);
  const tools = renderTools(request, { tools: namer, properties }, losses);
  const toolConfig = renderToolConfig(request, tools, namer, losses);
  const { config, instruction } = renderConfig(request, target, { traits, hasTools: tools.length > 0 }, losses);
  const { instructions, contents } = renderContents(request.messages, { traits, names: { tools: namer, properties }, losses });
  const texts = instruction === undefined ? instructions : [...instructions, instruction];
  reportUnnamed(request, losses);
  const { generationConfig: _, toolConfig: __, ...ownFields } = request.extensions?.["gemini-generate"] ?? {};
  const body = compact({
    systemInstruction: texts.length === 0 ? undefined : { parts: texts.map((text) => ({ text })) },
    tools: tools.length === 0 ? undefined : tools,
    toolConfig,
    generationConfig: config,
    serviceTier: renderTier(request, losses),
    ...ownFields,
  });
  const head = JSON.stringify(body).slice(0, -1);
  const toolNames = properties.addTo(namer.toolNames);
  return {
    value: `${head}${head === "{" ? "" : ","}"contents":${contents}}`,
    losses: losses.list,
    ...(toolNames === undefined ? {} : { toolNames }),
  };
}

function renderTier({ serviceTier }: ChatRequest, losses: Losses): string | undefined {
  if (serviceTier === undefined || ownTiers.has(serviceTier)) return serviceTier;
  if (serviceTier !== "auto" && serviceTier !== "default") losses.drop("serviceTier", "The provider has other tiers.");
  return undefined;
}

/** Reports the fields of the request that this protocol does not have. */
function reportUnnamed(request: ChatRequest, losses: Losses): void {
  const none = "The provider has no such parameter.";
  if (request.verbosity !== undefined) losses.drop("verbosity", none);
  if (request.cacheKey !== undefined) losses.drop("cacheKey", "The provider caches automatically.");
  if (request.endUser !== undefined) losses.drop("endUser", none);
  if (request.metadata !== undefined) losses.drop("metadata", none);
  losses.dropForeign(request.extensions, "gemini-generate", "request");
  for (const message of request.messages) {
    if (message.name !== undefined) losses.drop("messages[].name", none);
    losses.dropForeign(message.extensions, "gemini-generate", "messages[]");
    if (message.content.some((block) => "cache" in block && block.cache !== undefined))
      losses.drop("cache", "The provider caches automatically.");
  }
}
