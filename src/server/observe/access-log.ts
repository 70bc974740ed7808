import type { Clock } from "../../core/index.ts";
import type { FailedTry, ObservedRequest } from "../../gateway/index.ts";

/** Takes finished lines, and writes them in larger pieces. */
export interface LineSink {
  write(line: string): void;
}

/**
 * One JSON line a request, in the shape of the other log lines (pino's: `level`, `time`, `msg`), built as a string: a twentieth of what a logger's
 * serializer costs. No secret and no content is in it; names that clients choose are JSON-escaped.
 */
export function createAccessLog(sink: LineSink, clock: Clock, pid: number): (request: ObservedRequest) => void {
  // Most requests are like the one before.
  let last: ObservedRequest | undefined;
  let who = "";
  return (request) => {
    const { usage } = request;
    if (last === undefined || !isAlike(request, last)) who = describe(request);
    last = request;
    let line =
      `{"level":30,"time":${clock.now()},"pid":${pid},"msg":"request","request_id":"${request.requestId}",${who},"status":"${request.status}","http_status":${request.httpStatus},"stream":${request.stream},` +
      `"attempts":${request.attempts},"duration_ms":${Math.round(request.durationMs * 10) / 10},"overhead_ms":${Math.round(request.overheadMs * 100) / 100}`;
    if (request.ttftMs !== undefined) line += `,"ttft_ms":${Math.round(request.ttftMs * 10) / 10}`;
    if (usage.input !== undefined) line += `,"input_tokens":${usage.input}`;
    if (usage.output !== undefined) line += `,"output_tokens":${usage.output}`;
    if (request.costNanoUsd !== undefined) line += `,"cost_nano_usd":${request.costNanoUsd}`;
    if (request.modelServed !== "" && request.modelServed !== request.modelAsked) line += `,"model_served":${quote(request.modelServed)}`;
    if (request.clientRequestId !== undefined) line += `,"client_request_id":${quote(request.clientRequestId)}`;
    if (request.upstreamRequestId !== undefined) line += `,"upstream_request_id":${quote(request.upstreamRequestId)}`;
    if (request.failures !== undefined) line += `,"attempt_errors":${JSON.stringify(request.failures.map(shownFailure))}`;
    if (request.losses.length > 0) line += `,"dropped_params":${JSON.stringify(lossNames(request))}`;
    if (request.errorCode !== undefined) line += `,"error_code":"${request.errorCode}"`;
    if (request.firewall !== undefined) line += `,"firewall":${JSON.stringify(cut(request.firewall, maxWordsLength))}`;
    if (request.upstreamMessage !== undefined) line += `,"upstream_error":${JSON.stringify(cut(request.upstreamMessage, maxWordsLength))}`;
    sink.write(`${line}}\n`);
  };
}

/** `overloaded openai/gpt-5.5`. */
function shownFailure({ reason, provider, model }: FailedTry): string {
  return `${reason} ${provider}/${cut(model, maxNameLength)}`;
}

/** Who has asked whom for what. */
function describe({ principal, dialect, operation, provider, modelAsked }: ObservedRequest): string {
  return (
    `"user":"${principal.userId}","key":"${principal.keyId}","dialect":"${dialect}","operation":"${operation}",` +
    `"provider":${quote(provider)},"model":${quote(modelAsked)}`
  );
}

function isAlike(one: ObservedRequest, other: ObservedRequest): boolean {
  return (
    one.principal === other.principal &&
    one.dialect === other.dialect &&
    one.operation === other.operation &&
    one.provider === other.provider &&
    one.modelAsked === other.modelAsked
  );
}

/** Few enough for a line, as they are for a header. */
function lossNames({ losses, unnamedLosses }: ObservedRequest): readonly string[] {
  const names = losses.map(({ param }) => param);
  return unnamedLosses === undefined ? names : [...names, unnamedLosses];
}

/** The longest message of an upstream in a line. */
const maxWordsLength = 500;

/** The longest name that a client chose in a line. */
const maxNameLength = 200;

/** A JSON string; the plain case costs one test. */
function quote(name: string): string {
  const value = cut(name, maxNameLength);
  return /^[\w./:@+-]*$/.test(value) ? `"${value}"` : JSON.stringify(value);
}

function cut(text: string, maxLength: number): string {
  return text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
}
