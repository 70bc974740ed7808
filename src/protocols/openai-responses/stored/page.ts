import { GatewayError } from "../../../core/index.ts";
import { type WireObject } from "../../shared/fields.ts";
import { invalidField } from "../../openai-shared/fields.ts";

const defaultLimit = 20;
const maxLimit = 100;

/**
 * Renders a page of input items: `{"object":"list","data":[…],"first_id","last_id","has_more"}`, the newest first by default. Source:
 * `ResponseItemList` and `InputItemListParams` of the npm package `openai` 7.57.
 * @param items the oldest first.
 * @param query `order` (asc, desc), `limit` (1 to 100, else 20), `after` (the id of the item before the page), `include`, which adds nothing here.
 * @throws GatewayError `invalid_request` if the query is wrong.
 */
export function renderInputItems(items: readonly WireObject[], query: string): string {
  const params = new URLSearchParams(query);
  const order = params.get("order") ?? "desc";
  if (order !== "asc" && order !== "desc") throw invalidField("order", "asc or desc");
  const limit = Number(params.get("limit") ?? defaultLimit);
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= maxLimit)) throw invalidField("limit", `a whole number from 1 to ${maxLimit}`);
  const ordered = order === "asc" ? items : items.toReversed();
  const after = params.get("after");
  const start = after === null ? 0 : ordered.findIndex((item) => item["id"] === after) + 1;
  if (after !== null && start === 0) {
    throw new GatewayError("invalid_request", 'Invalid value for "after": no input item of this response has that id.', { param: "after" });
  }
  const data = ordered.slice(start, start + limit);
  return JSON.stringify({
    object: "list",
    data,
    first_id: data[0]?.["id"] ?? null,
    last_id: data.at(-1)?.["id"] ?? null,
    has_more: start + limit < ordered.length,
  });
}
