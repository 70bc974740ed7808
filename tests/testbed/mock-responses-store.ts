import type { JsonObject } from "./json.ts";
import { asObjects, asString } from "./json.ts";
import type { WireResponse } from "./mock-openai-responses-object.ts";
import { badParameter } from "./openai-error.ts";
import type { ScenarioError } from "./scenario.ts";

type Stored = { response: WireResponse; readonly inputItems: readonly JsonObject[] };
/** The result of a call on the store: a body, or the error to answer with. */
export type StoreResult = { readonly body: object } | { readonly error: ScenarioError };

/** The state behind `/v1/responses`: what `store` kept, for reading, deleting, cancelling and referring back. */
export type ResponsesStore = {
  /** Keeps a response and its input, unless the request said `store: false`. */
  readonly keep: (response: WireResponse, request: JsonObject) => void;
  /** The error for a request that refers to a response or an item that is not kept, or null. */
  readonly checkReferences: (request: JsonObject) => ScenarioError | null;
  readonly get: (id: string) => StoreResult;
  readonly remove: (id: string) => StoreResult;
  readonly cancel: (id: string) => StoreResult;
  readonly inputItems: (id: string, order: "asc" | "desc") => StoreResult;
  readonly clear: () => void;
};

/** An empty store. */
export function createResponsesStore(): ResponsesStore {
  const kept = new Map<string, Stored>();
  const items = new Set<string>();
  const withStored = (id: string, use: (stored: Stored) => StoreResult): StoreResult => {
    const stored = kept.get(id);
    return stored === undefined ? { error: notFound(`Response with id '${id}' not found.`) } : use(stored);
  };
  return {
    keep: (response, request) => {
      if (request["store"] === false) return;
      const inputItems = readInputItems(request, response.id);
      kept.set(response.id, { response, inputItems });
      for (const item of [...response.output, ...inputItems]) if (typeof item.id === "string") items.add(item.id);
    },
    checkReferences: (request) => {
      const previous = asString(request["previous_response_id"]);
      if (previous !== undefined && !kept.has(previous)) {
        return badParameter("previous_response_id", "previous_response_not_found", `Previous response with id '${previous}' not found.`);
      }
      const references = asObjects(request["input"]).filter((item) => item["type"] === "item_reference");
      const missing = references.map((item) => asString(item["id"]) ?? "").find((id) => !items.has(id));
      return missing === undefined ? null : { ...notFound(`Item with id '${missing}' not found.`), param: "input" };
    },
    get: (id) => withStored(id, ({ response }) => ({ body: response })),
    remove: (id) =>
      withStored(id, () => {
        kept.delete(id);
        return { body: { id, object: "response", deleted: true } };
      }),
    cancel: (id) =>
      withStored(id, (stored) => {
        if (stored.response.background !== true) return { error: { status: 400, message: "Cannot cancel a synchronous response." } };
        stored.response = { ...stored.response, status: "cancelled", output: [], usage: null };
        return { body: stored.response };
      }),
    inputItems: (id, order) =>
      withStored(id, ({ inputItems }) => {
        const data = order === "asc" ? inputItems : inputItems.toReversed();
        return { body: { object: "list", data, first_id: data[0]?.["id"] ?? null, last_id: data.at(-1)?.["id"] ?? null, has_more: false } };
      }),
    clear: () => {
      kept.clear();
      items.clear();
    },
  };
}

function readInputItems(request: JsonObject, responseId: string): readonly JsonObject[] {
  const input = request["input"];
  const given: readonly JsonObject[] =
    typeof input === "string" ? [{ role: "user", content: [{ type: "input_text", text: input }] }] : asObjects(input);
  return given.map((item, at) => ({ type: "message", ...item, id: asString(item["id"]) ?? `msg_in_${responseId}_${at}` }));
}

function notFound(message: string): ScenarioError {
  return { status: 404, message };
}
