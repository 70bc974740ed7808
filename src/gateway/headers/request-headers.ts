import { hasGatewayKey } from "../../core/index.ts";
import type { Protocol } from "../../protocols/index.ts";

/** Request headers that every protocol forwards, lower case. Never credentials, cookies or `x-forwarded-*`. */
const commonRequestHeaders = new Set([
  "content-type",
  "accept",
  "user-agent",
  "idempotency-key",
  "traceparent",
  "tracestate",
  "x-app",
  "session-id",
  "thread-id",
  "originator",
  "x-client-request-id",
]);

/**
 * The headers of the client's request that go upstream: name, value, … in the client's order and spelling. A repeated header is kept repeated. One that
 * contains a key of the gateway stays behind.
 * `accept-encoding` and the credential are the upstream client's business.
 */
export function forwardRequestHeaders(rawHeaders: readonly string[], protocol: Protocol): string[] {
  const out: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    if (!commonRequestHeaders.has(name) && !isForwarded(name, protocol.forwardedHeaders)) continue;
    const value = rawHeaders[i + 1]!;
    if (!hasGatewayKey(value) && !hasGatewayKey(name)) out.push(name, value);
  }
  for (const [name, value] of protocol.requiredHeaders) if (findHeader(out, name) === undefined) out.push(name, value);
  return out;
}

/** Credentials that share a prefix with forwarded headers. */
const credentialHeaders = new Set([
  "x-goog-api-key",
  "x-api-key",
  "authorization",
  "x-goog-iam-authorization-token",
  "x-goog-authenticated-user-email",
]);

function isForwarded(name: string, patterns: readonly string[]): boolean {
  for (const pattern of patterns) {
    if (matchesPattern(name, pattern)) return !credentialHeaders.has(name);
  }
  return false;
}

function matchesPattern(name: string, pattern: string): boolean {
  const last = pattern.length - 1;
  if (pattern.charCodeAt(last) !== asterisk) return name === pattern;
  // Letter by letter: no prefix is cut off for each header of each request.
  for (let at = 0; at < last; at++) if (name.charCodeAt(at) !== pattern.charCodeAt(at)) return false;
  return true;
}

const asterisk = 0x2a;

/** The first value of a header, or `undefined`. `name` is lower case. */
export function findHeader(headers: readonly string[], name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    const candidate = headers[i]!;
    if (candidate.length === name.length && candidate.toLowerCase() === name) return headers[i + 1];
  }
  return undefined;
}

/**
 * Reads how long an upstream asks to wait, in milliseconds: `retry-after-ms` (OpenAI, Azure), else `Retry-After` (RFC 9110, section 10.2.3: seconds or a date). Not
 * bounded: it may be negative, or years. `undefined` if there is none or it cannot be read.
 */
export function readWaitMs(headers: readonly string[], nowMs: number): number | undefined {
  const inMs = findHeader(headers, "retry-after-ms")?.trim();
  if (inMs !== undefined && isNumber.test(inMs)) return Number(inMs);
  const value = findHeader(headers, "retry-after")?.trim();
  if (value === undefined) return undefined;
  const waitMs = isNumber.test(value) ? Number(value) * 1000 : Date.parse(value) - nowMs;
  return Number.isNaN(waitMs) ? undefined : waitMs;
}

const isNumber = /^-?\d+(\.\d+)?$/;
