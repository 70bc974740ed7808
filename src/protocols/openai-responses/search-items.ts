import type { WebSearch } from "../../ir/index.ts";
import { isObject, type WireObject } from "../shared/fields.ts";
import { isMadeSearchId, madeSearchId, readPages } from "../shared/web-search.ts";
import type { WireItem } from "./wire.ts";

const idPrefix = "ws_";

/** A search that another vendor ran, as an item (`ResponseFunctionWebSearch` of the npm package `openai` 7.57). */
export function searchItem({ id, queries, sources }: WebSearch): WireItem & { type: "web_search_call" } {
  return {
    id: madeSearchId(idPrefix, id),
    type: "web_search_call",
    status: "completed",
    action: { type: "search", query: queries.join("; "), queries: [...queries], sources: sources.map(({ url }) => ({ type: "url", url })) },
  };
}

/** Whether an item is such a search: no vendor has it. */
export function isMadeItem({ type, id }: { readonly type?: unknown; readonly id?: unknown }): boolean {
  return type === "web_search_call" && isMadeSearchId(idPrefix, id);
}

/** The search of a `web_search_call`; `undefined` for any other item, and if it opened a page. */
export function searchOf({ type, id, action }: WireObject): WebSearch | undefined {
  if (type !== "web_search_call" || !isObject(action) || action["type"] !== "search") return undefined;
  const { queries, query, sources } = action;
  const listed = Array.isArray(queries) ? queries.filter((each) => typeof each === "string") : [];
  const asked = listed.length === 0 && typeof query === "string" ? [query] : listed;
  return { id: typeof id === "string" ? id : asked.join(" "), queries: asked, sources: readPages(sources) };
}
