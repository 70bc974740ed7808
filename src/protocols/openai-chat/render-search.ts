import type { ChatRequest } from "../../ir/index.ts";
import { compact, type WireObject } from "../shared/fields.ts";
import { readHostedTool, reportHosted } from "../shared/hosted-tools.ts";
import type { Losses } from "../shared/losses.ts";
import { readTraits } from "../model-traits.ts";
import { openaiTraits } from "../openai-shared/model-traits.ts";
import { isCalled } from "../shared/tool-names.ts";
import type { RenderTarget } from "../translation.ts";

/** A request without another vendor's web search, which is `web_search_options` for a model that searches; these always search. */
export function takeSearch(
  request: ChatRequest,
  target: RenderTarget,
  losses: Losses,
): { readonly request: ChatRequest; readonly options: WireObject | undefined } {
  const tool = readTraits(openaiTraits, target).searches
    ? request.tools?.find(
        (each) => each.type === "server" && each.protocol !== "openai-chat" && readHostedTool(each)?.kind === "web-search",
      )
    : undefined;
  const hosted = tool?.type === "server" ? readHostedTool(tool) : undefined;
  if (tool === undefined || hosted === undefined) return { request, options: undefined };
  reportHosted(hosted, ["userLocation", "contextSize"], losses);
  const { tools = [], toolChoice, ...rest } = request;
  const others = tools.filter((each) => each !== tool);
  const isForced = toolChoice?.type === "named" && isCalled(tool, toolChoice.name);
  const { userLocation, contextSize } = hosted;
  return {
    request: { ...rest, tools: others, ...(toolChoice === undefined || isForced ? {} : { toolChoice }) },
    options: compact({
      search_context_size: contextSize,
      user_location: userLocation === undefined ? undefined : placeOf(userLocation),
    }),
  };
}

function placeOf({ type, ...approximate }: WireObject): WireObject {
  return { type, approximate };
}
