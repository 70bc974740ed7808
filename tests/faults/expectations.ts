import type { FaultName } from "../testbed/faults.ts";
import type { Protocol } from "../testbed/scenario.ts";

/** What a client must see of a fault and what the ledger must say. */
export interface Expected {
  readonly status: number;
  readonly how: "whole" | "error" | "broken";
  /** Of the ledger's row: status and error code. */
  readonly row: string;
  readonly usage: "reported" | "estimated" | "none" | "any";
  readonly retryAfter?: string;
}

const whole: Expected = { status: 200, how: "whole", row: "ok -", usage: "reported" };
const estimated: Expected = { ...whole, usage: "estimated" };
const truncated = failed(502, "upstream_truncated");
const invalid = failed(502, "upstream_invalid_response");
const timeout = failed(504, "upstream_timeout");
const credentials = failed(502, "upstream_credentials_rejected");

function failed(status: number, code: string, retryAfter?: string): Expected {
  return { status, how: "error", row: `error ${code}`, usage: "none", ...(retryAfter === undefined ? {} : { retryAfter }) };
}

function brokenBy(code: string): Expected {
  return { status: 200, how: "broken", row: `interrupted ${code}`, usage: "any" };
}

type ByDialect = Expected | ((dialect: Protocol) => Expected);
type Rule = Expected | { readonly json?: ByDialect; readonly stream?: ByDialect };

/** A good end was seen before the fault; Gemini has no mark of the end, so there nothing but a sound HTTP end counts. */
const wholeWhereMarked = (dialect: Protocol): Expected => (dialect === "gemini-generate" ? brokenBy("upstream_truncated") : whole);
/** Chat and Anthropic have a mark of the end of their own; a stream with it is a whole one. What was not reported is estimated. */
const endWithoutFinish = (dialect: Protocol): Expected => {
  if (dialect === "openai-chat") return estimated;
  return dialect === "anthropic-messages" ? { ...whole, usage: "any" } : brokenBy("upstream_truncated");
};
/** The mock of OpenAI names the time in its message. */
const limitedWithoutHeader = (dialect: Protocol): Expected => failed(429, "rate_limited", dialect.startsWith("openai") ? "1" : undefined);
const asOverload = (dialect: Protocol): Expected => failed(dialect === "anthropic-messages" ? 529 : 503, "upstream_error");

/** For every fault of the table, what it comes to. Faults that the tests play in another way have none. */
export const expectations: Readonly<Record<FaultName, Rule | undefined>> = {
  healthy: whole,
  "hang-before-headers": timeout,
  "stall-after-headers": timeout,
  "stall-in-body": { json: timeout, stream: brokenBy("upstream_timeout") },
  "one-byte-at-a-time": whole,
  "reset-before-headers": truncated,
  "close-before-headers": truncated,
  "reset-on-reuse": whole,
  "reset-mid-body": { json: truncated, stream: brokenBy("upstream_truncated") },
  "end-mid-body": { json: truncated, stream: brokenBy("upstream_truncated") },
  "content-length-too-long": { json: truncated, stream: wholeWhereMarked },
  "chunked-without-last": { json: truncated, stream: wholeWhereMarked },
  "chunked-bad-size": invalid,
  "bytes-after-body": whole,
  garbage: invalid,
  "html-200": invalid,
  "empty-200": { json: invalid, stream: truncated },
  "half-json": { json: invalid },
  "bad-utf8": invalid,
  gzip: whole,
  brotli: whole,
  "bad-gzip": invalid,
  "false-gzip": invalid,
  "gzip-bomb": undefined,
  "sse-lf": whole,
  "sse-cr": whole,
  "sse-crlf": whole,
  "sse-bom": whole,
  "sse-comments": whole,
  "sse-no-space": whole,
  "sse-extra-fields": whole,
  "sse-multi-line": whole,
  "sse-every-byte": whole,
  "sse-endless-event": undefined,
  "sse-no-end-with-finish": whole,
  "sse-no-end-without-finish": { stream: brokenBy("upstream_truncated") },
  "sse-end-without-finish": { stream: endWithoutFinish },
  "sse-data-after-end": whole,
  "sse-unknown-events": whole,
  "sse-delta-without-start": whole,
  "error-event-first": { stream: asOverload },
  "error-event-later": { stream: brokenBy("upstream_error") },
  "status-400": failed(400, "invalid_request"),
  "status-401": credentials,
  "status-403": credentials,
  "status-404": failed(404, "invalid_request"),
  "status-422": failed(422, "invalid_request"),
  "status-429": { json: limitedWithoutHeader, stream: limitedWithoutHeader },
  "status-500": failed(500, "upstream_error"),
  "status-502": failed(502, "upstream_error"),
  "status-503": failed(503, "upstream_error"),
  "status-504": failed(504, "upstream_error"),
  "status-529": undefined,
  "status-502-html": failed(502, "upstream_error"),
  "429-retry-seconds": failed(429, "rate_limited", "7"),
  "429-retry-date": failed(429, "rate_limited", "7"),
  "429-retry-past": failed(429, "rate_limited", "1"),
  "429-retry-huge": failed(429, "rate_limited", "3600"),
  "429-retry-negative": failed(429, "rate_limited", "1"),
  "429-retry-nonsense": { json: limitedWithoutHeader, stream: limitedWithoutHeader },
  "503-retry-seconds": failed(503, "upstream_error", "7"),
  "redirect-301": invalid,
  "redirect-302": invalid,
  "redirect-307": invalid,
  "redirect-308": invalid,
  "usage-missing": estimated,
  "usage-negative": estimated,
  "usage-1e308": estimated,
  "usage-string": estimated,
};

/** The rule of a fault for one dialect and one kind of answer; `undefined` where the fault says nothing about it. */
export function expectedOf(fault: FaultName, dialect: Protocol, stream: boolean): Expected | undefined {
  const rule = expectations[fault];
  if (rule === undefined || "status" in rule) return rule;
  const expected = stream ? rule.stream : rule.json;
  return typeof expected === "function" ? expected(dialect) : expected;
}
