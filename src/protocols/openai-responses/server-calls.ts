import { elementsOf, parseSpan, type Span } from "../../core/index.ts";
import { addUnit, readTokenCount, type Iteration, type Units } from "../../ir/index.ts";
import { compact, isObject, type WireObject } from "../shared/fields.ts";
import { noFields, objectOf } from "../shared/vendor-cost.ts";

/** Words that are in an item of a tool that the server runs and bills. Most answers have none: then nothing is parsed. */
const callWords = ['search_call"', 'interpreter_call"', 'generation_call"'] as const;

/** The items of `output`, if some of them may be calls of server tools. `text` is latin1. */
export function itemsWithCalls(text: string, output: Span | undefined): readonly unknown[] | undefined {
  if (output === undefined || !callWords.some((word) => text.includes(word, output.start))) return undefined;
  return elementsOf(text, output).flatMap((span) => {
    const item = text.slice(span.start, span.end);
    return callWords.some((word) => item.includes(word)) ? [parseSpan(text, span)] : [];
  });
}

/**
 * Counts the calls of server tools among output items (`openai` 7.57, resources/responses): a search of the web, but not the opening of a page; a search of files; a
 * container of code, which several calls share; an image.
 */
export function countServerCalls(items: readonly unknown[]): Units | undefined {
  let [searches, pages, files, images] = [0, 0, 0, 0];
  const containers = new Set<unknown>();
  for (const item of items) {
    if (!isObject(item) || item["status"] === "failed") continue;
    if (item["type"] === "web_search_call") {
      if ((objectOf(item["action"])["type"] ?? "search") === "search") searches += 1;
      else pages += 1;
    } else if (item["type"] === "file_search_call") files += 1;
    else if (item["type"] === "image_generation_call") images += 1;
    else if (item["type"] === "code_interpreter_call") containers.add(item["container_id"] ?? item);
  }
  let units = addUnit(undefined, "web_search", searches);
  units = addUnit(units, "page_fetch", pages);
  units = addUnit(units, "file_search", files);
  units = addUnit(units, "code_session", containers.size);
  return addUnit(units, "image", images);
}

/**
 * The tokens of images that the server made (`tool_usage.image_gen`): they are another model's, which the answer names only where it repeats its tools.
 */
export function imageIteration(toolUsage: unknown, tools: unknown): Iteration | undefined {
  const usage = objectOf(objectOf(toolUsage)["image_gen"]);
  if (usage === noFields || readTokenCount(usage["total_tokens"]) === 0) return undefined;
  const [input, output, cached] = [usage["input_tokens_details"], usage["output_tokens_details"], usage["cached_tokens_details"]].map(
    objectOf,
  ) as [WireObject, WireObject, WireObject];
  const named = Array.isArray(tools) ? (tools as unknown[]).find((tool) => objectOf(tool)["type"] === "image_generation") : undefined;
  const model = objectOf(named)["model"];
  let units = addUnit(undefined, "input_image", input["image_tokens"]);
  units = addUnit(units, "cache_read_image", cached["cached_image_tokens"]);
  units = addUnit(units, "output_image", output["image_tokens"] ?? usage["output_tokens"]);
  return compact({
    kind: "image_generation" as const,
    model: typeof model === "string" ? model : "",
    input: readTokenCount(usage["input_tokens"]),
    output: readTokenCount(usage["output_tokens"]),
    cacheRead: readTokenCount(usage["cached_tokens"]),
    units,
  });
}
