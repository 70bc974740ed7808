import {
  readString,
  scanDocument,
  scanObject,
  SseSplitter,
  utf8OfLatin1,
  type GatewayError,
  asBytes,
  type Bytes,
  noBytes,
} from "../../../core/index.ts";
import type { ChatRequest } from "../../../ir/index.ts";
import { isObject, type WireObject } from "../../shared/fields.ts";
import { failureOf } from "../errors.ts";
import { echoRequest, responseObject } from "../response-object.ts";

/** The status of a response that has ended. */
export type EndStatus = "completed" | "incomplete" | "failed" | "cancelled";

const endStatuses: readonly EndStatus[] = ["completed", "incomplete", "failed", "cancelled"];

/** A response object that has ended, as it was sent to the client. */
export interface EndedResponse {
  readonly id: string;
  readonly status: EndStatus;
  /** JSON. */
  readonly json: string;
}

/** Reads a JSON answer. `body` is latin1; `undefined`: it is not a response that has ended. */
export function readEnded(body: Bytes): EndedResponse | undefined {
  const { spans, open, end } = scanDocument(body, ["id", "status"]);
  const id = readString(body, spans[0]);
  const status = endStatuses.find((known) => known === readString(body, spans[1]));
  return id === undefined || status === undefined ? undefined : { id, status, json: utf8OfLatin1(asBytes(body.slice(open, end))) };
}

/** Reads the response in the last event of a stream. `events` is latin1. */
export function readEndedStream(events: Bytes): EndedResponse | undefined {
  const data = new SseSplitter().push(events).at(-1)?.data ?? noBytes;
  if (data === "") return undefined;
  const span = scanDocument(data, ["response"]).spans[0];
  if (span === undefined || !data.startsWith("{", span.start)) return undefined;
  return readEnded(asBytes(data.slice(span.start, scanObject(data, span.start, []).end)));
}

/** Renders a response that was accepted and has no answer yet. `createdAt` is in seconds since 1970. */
export function renderPending(
  request: ChatRequest,
  state: { readonly id: string; readonly createdAt: number; readonly model: string; readonly status: "queued" | "in_progress" },
): string {
  return JSON.stringify(responseObject({ ...state, output: [] }, echoRequest(request)));
}

/** The answer to a pending response. Its creation time is the pending one's, not that of the upstream's clock. Both are JSON. */
export function asAnswerTo(pending: string, json: string): string {
  return JSON.stringify({ ...parse(json), created_at: parse(pending)["created_at"] });
}

/** The same response with the status `failed`. */
export function asFailed(json: string, error: GatewayError): string {
  return JSON.stringify({ ...parse(json), status: "failed", error: failureOf(error) });
}

/** The same response with the status `cancelled`. */
export function asCancelled(json: string): string {
  return JSON.stringify({ ...parse(json), status: "cancelled" });
}

/** The answer to a deletion. */
export function renderDeleted(id: string): string {
  return JSON.stringify({ id, object: "response", deleted: true });
}

function parse(json: string): WireObject {
  const value: unknown = JSON.parse(json);
  return isObject(value) ? value : {};
}
