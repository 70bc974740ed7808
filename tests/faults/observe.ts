import type { UsageRow } from "../../src/ledger/index.ts";
import type { TestGateway } from "../e2e/harness.ts";
import type { RawReply } from "../e2e/raw-http.ts";
import { sendRaw } from "../e2e/raw-http.ts";
import { readEventData } from "../testbed/sse-reference.ts";
import type { Dialect, ErrorSeen } from "./dialects.ts";

/** What a client has seen of one request. */
export interface Seen {
  readonly status: number;
  readonly requestId: string;
  readonly body: Buffer;
  readonly headers: RawReply["headers"];
  /** `whole`: a good answer to its end. `error`: an error as the whole answer. `broken`: an error in a stream that had begun. */
  readonly how: "whole" | "error" | "broken" | "incomplete" | "dropped";
  readonly error: ErrorSeen | undefined;
  /** The data of a stream's events. */
  readonly events: readonly string[];
}

/** Sends a request of the dialect and reads the answer as a client of the dialect would. */
export async function ask(
  gateway: TestGateway,
  key: string,
  dialect: Dialect,
  stream: boolean,
  text?: string,
  model?: string,
): Promise<Seen> {
  const headers = ["authorization", `Bearer ${key}`, "content-type", "application/json"];
  const sent = { path: dialect.path(stream, model), headers, body: dialect.body(stream, text, model) };
  const reply = await sendRaw(gateway.url, sent).catch(() => undefined);
  if (reply === undefined) {
    return { status: 0, requestId: "", body: Buffer.alloc(0), headers: {}, how: "dropped", error: undefined, events: [] };
  }
  return readReply(reply, dialect);
}

/** @throws AssertionError where an error has not the dialect's shape. */
export function readReply(reply: RawReply, dialect: Dialect): Seen {
  const { status, body, headers } = reply;
  const requestId = String(headers["x-request-id"]);
  const base = { status, body, headers, requestId };
  if (status !== 200) {
    return { ...base, how: "error", error: dialect.readError(JSON.parse(body.toString()), status, requestId), events: [] };
  }
  if (!String(headers["content-type"]).startsWith("text/event-stream")) {
    JSON.parse(body.toString());
    return { ...base, how: "whole", error: undefined, events: [] };
  }
  const events = readEventData(body);
  const parsed = events.filter((data) => data !== "[DONE]").map((data) => JSON.parse(data) as Record<string, unknown>);
  const error = dialect.readStreamError(parsed, requestId);
  const ended = events.some(dialect.isTerminal);
  // After an error nothing may look like a good end; Gemini has no mark of the end, so a stop reason may come before the error.
  const clean = dialect.id === "gemini-generate" ? ended && dialect.isTerminal(events.at(-1) ?? "") : ended;
  if (error !== undefined && clean) throw new Error(`an error and a good end in one stream: ${body.toString()}`);
  const how = ended ? "whole" : "incomplete";
  return { ...base, how: error === undefined ? how : "broken", error, events };
}

/** All counts of a row are whole and sane. */
export function isSound(row: UsageRow): boolean {
  const counts = [
    row.input_tokens,
    row.output_tokens,
    row.cache_read_tokens,
    row.cache_write_5m_tokens,
    row.cache_write_1h_tokens,
    row.reasoning_tokens,
    row.duration_ms,
    row.ttft_ms,
  ];
  return counts.every((count) => count === null || (Number.isSafeInteger(count) && count >= 0));
}
