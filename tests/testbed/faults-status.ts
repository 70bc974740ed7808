import type { Fault, FaultContext } from "./fault-wire.ts";
import { healthyJson, healthyScript, scriptFrames, sendStream, sendWhole } from "./fault-wire.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import { isObject } from "./json.ts";
import { protocolMocks } from "./mock-protocols.ts";

/** Answers whose HTTP is sound and whose message is trouble: errors in the vendor's words, redirects, odd usage. */
export const statusFaults = {
  "status-400": status(400),
  "status-401": status(401),
  "status-403": status(403),
  "status-404": status(404),
  "status-422": status(422),
  "status-429": status(429),
  "status-500": status(500),
  "status-502": status(502),
  "status-503": status(503),
  "status-504": status(504),
  "status-529": status(529),
  /** The error of a proxy in front of the vendor: a status and a page. */
  "status-502-html": both((context) =>
    sendWhole(context, 502, { "content-type": "text/html" }, "<html><body><h1>502 Bad Gateway</h1></body></html>"),
  ),
  /** `Retry-After` in seconds; for Gemini with the `RetryInfo` that Google puts in the body. */
  "429-retry-seconds": rateLimit(({ settings }) => String(settings.retryAfterSeconds)),
  "429-retry-date": rateLimit(({ settings }) => new Date(Date.now() + settings.retryAfterSeconds * 1000).toUTCString()),
  "429-retry-past": rateLimit(() => "Wed, 21 Oct 2015 07:28:00 GMT"),
  "429-retry-huge": rateLimit(() => "999999999999"),
  "429-retry-negative": rateLimit(() => "-30"),
  "429-retry-nonsense": rateLimit(() => "soon"),
  "503-retry-seconds": both((context) => sendError(context, 503, { "retry-after": String(context.settings.retryAfterSeconds) })),
  "redirect-301": redirect(301),
  "redirect-302": redirect(302),
  "redirect-307": redirect(307),
  "redirect-308": redirect(308),
  "usage-missing": usage(() => undefined),
  "usage-negative": usage((count) => -count - 1),
  "usage-1e308": usage(() => 1e308),
  "usage-string": usage(String),
} satisfies Readonly<Record<string, Fault>>;

function both(play: Fault["play"]): Fault {
  return { on: "both", play };
}

function status(code: number): Fault {
  return both((context) => sendError(context, code, {}));
}

function rateLimit(retryAfter: (context: FaultContext) => string): Fault {
  return both((context) => sendError(context, 429, { "retry-after": retryAfter(context) }));
}

async function sendError(context: FaultContext, code: number, headers: Readonly<Record<string, string>>): Promise<void> {
  const wire = protocolMocks[context.protocol].renderError({ status: code }, 1);
  const seconds = Number(headers["retry-after"]);
  const body = context.protocol === "gemini-generate" && seconds > 0 ? withRetryInfo(wire.body, seconds) : wire.body;
  await sendWhole(context, code, { ...wire.headers, ...headers }, JSON.stringify(body));
}

function withRetryInfo(body: JsonObject, seconds: number): JsonObject {
  const error = isObject(body["error"]) ? body["error"] : {};
  return { ...body, error: { ...error, details: [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: `${seconds}s` }] } };
}

function redirect(code: number): Fault {
  return both((context) => sendWhole(context, code, { location: context.settings.location ?? `${context.origin}/redirected` }, ""));
}

/** A good answer in which every number of the usage went through `change`; undefined takes the usage out. */
function usage(change: (count: number) => JsonValue | undefined): Fault {
  return both(async (context) => {
    const rewrite = (text: string): string => JSON.stringify(rewriteUsage(JSON.parse(text) as JsonValue, change));
    if (!context.isStream) return sendWhole(context, 200, {}, rewrite(JSON.stringify(healthyJson(context.protocol))));
    const frames = scriptFrames(healthyScript(context.protocol));
    return sendStream(
      context,
      frames.map((frame) => frame.replaceAll(/(?<=^data: )\{.*\}/gm, rewrite)),
    );
  });
}

function rewriteUsage(value: JsonValue, change: (count: number) => JsonValue | undefined, isInside = false): JsonValue | undefined {
  if (typeof value === "number") return isInside ? change(value) : value;
  if (Array.isArray(value)) return value.map((item) => rewriteUsage(item as JsonValue, change, isInside) ?? null);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).flatMap(([key, item]): readonly (readonly [string, JsonValue | undefined])[] => {
    const isUsage = key === "usage" || key === "usageMetadata";
    if (isUsage && change(0) === undefined) return [];
    return item === undefined ? [] : [[key, rewriteUsage(item, change, isInside || isUsage)]];
  });
  return Object.fromEntries(entries);
}
