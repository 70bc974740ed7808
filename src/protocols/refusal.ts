import type { Refusal, RefusalKind } from "../core/index.ts";
import type { UpstreamError } from "./protocol.ts";

interface Rule {
  readonly kind: RefusalKind;
  /** Of the error's code and type. */
  readonly words?: RegExp;
  /** Only for vendors that have no word for it: a part of the message, with one of `statuses`. */
  readonly message?: RegExp;
  readonly statuses?: readonly number[];
}

const badRequest = [400, 413, 422];

/**
 * What the vendors' errors are, the first that fits: words come before messages, and both before the status. Sources, all November 2026: OpenAI's guide to error
 * codes; Anthropic's "Errors", and the texts of its 400 for an empty balance and a spend limit; Google's troubleshooting page; OpenRouter's errors; Azure OpenAI's
 * content filter (`ResponsibleAIPolicyViolation`) and 429; Groq's 413 and 498; Mistral, DeepSeek and xAI; `exceed_context_size_error` of llama.cpp.
 */
const rules: readonly Rule[] = [
  { kind: "filtered", words: /content_?filter|content_policy|responsible_?ai|moderation_blocked|safety_check|^invalid_prompt$/ },
  {
    kind: "context",
    words: /context_(?:length|window|size)|(?:prompt|input)_(?:is_)?too_long|string_above_max_length|^request_too_large$/,
  },
  {
    kind: "context",
    statuses: badRequest,
    message:
      /maximum context|context (?:length|window|limit|size)|(?:prompt|input|request) (?:is )?too (?:long|large)|too many (?:input )?tokens|input token count|reduce the length of (?:the|your)|exceeds? the (?:model's )?(?:maximum|max|limit) (?:number |amount )?of (?:input )?tokens/i,
  },
  { kind: "context", statuses: [413] },
  {
    kind: "quota",
    words:
      /insufficient_(?:quota|balance|credits?|funds)|^billing_|(?:quota|credits?|balance)_(?:exhausted|exceeded)|exceeded_current_quota|payment_required/,
  },
  {
    kind: "quota",
    statuses: [400, 402, 403, 429],
    message:
      /credit balance is too low|insufficient (?:balance|credits?|funds|quota)|specified API usage limits|(?:billing|monthly|spend(?:ing)?) (?:hard )?(?:limit|cap)|out of credits/i,
  },
  {
    kind: "overloaded",
    words: /overloaded|(?:over|at)_capacity|capacity_exceeded|^slow_down$|server_(?:is_)?busy|^unavailable(?:_error)?$/,
  },
  { kind: "credential", words: /invalid_api_key|^api_key_|^authentication_error$|account_deactivated|^unauthenticated$/ },
  { kind: "credential", statuses: [400], message: /(?:incorrect|invalid) api key|api key (?:is )?(?:not valid|invalid|expired)/i },
  { kind: "throttled", words: /rate_?limit|too_many_requests|resource_exhausted|throttl/ },
  { kind: "throttled", statuses: [429] },
  { kind: "quota", statuses: [402] },
  { kind: "credential", statuses: [401, 403] },
  { kind: "overloaded", statuses: [498, 503, 529] },
];

/** A provider that asks to wait longer than this has no quota left; beyond `longestMs` the time is not meant. */
const longestThrottleMs = 3_600_000;
const longestMs = 31 * 24 * 3_600_000;
/** Time to load a local model, if the server names none. */
const loadingMs = 5_000;

/**
 * What an upstream's error is. Pure.
 * @param askedMs the time to wait that its headers name.
 */
export function refusalOf(error: UpstreamError, askedMs?: number): Refusal {
  const namedMs = askedMs ?? error.waitMs;
  const waitMs = boundedWait(namedMs ?? inMessage(error));
  const kind = kindOf(error, waitMs);
  return {
    kind,
    ...(waitMs === undefined ? {} : { waitMs: kind === "quota" ? waitMs : Math.min(waitMs, longestThrottleMs) }),
    ...(waitMs === undefined || namedMs !== undefined ? {} : { isByMessage: true }),
    ...(kind === "credential" && error.status === 403 ? { isForModelOnly: true } : {}),
  };
}

function kindOf(error: UpstreamError, waitMs: number | undefined): RefusalKind {
  const { status, message } = error;
  if (error.isModeration === true) return "filtered";
  if (error.isDailyQuota === true) return "quota";
  const words = [error.code, error.type].map((word) => (word ?? "").toLowerCase());
  const rule = rules.find((row) => {
    if (row.words !== undefined) return words.some((word) => word !== "" && row.words!.test(word));
    return row.statuses!.includes(status) && (row.message === undefined || row.message.test(message));
  });
  if (rule !== undefined) return rule.kind === "throttled" && (waitMs ?? 0) > longestThrottleMs ? "quota" : rule.kind;
  return status >= 500 && status !== 501 ? "broken" : "client";
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A time in the past, or none at all, is a second. */
function boundedWait(waitMs: number | undefined): number | undefined {
  if (waitMs === undefined) return undefined;
  if (waitMs <= 0) return 1000;
  return waitMs > longestMs ? longestThrottleMs : waitMs;
}

/** `Please try again in 1m2.5s`, `retry after 6 seconds`. */
function inMessage({ status, message }: UpstreamError): number | undefined {
  if (status === 503 && /\bloading model\b/i.test(message)) return loadingMs;
  const found = /\b(?:try again|retry) (?:in|after) ((?:\d+(?:\.\d+)?\s?(?:ms|s|m|h)[a-z]*\s?)+)/i.exec(message)?.[1];
  if (found === undefined) return undefined;
  let sum = 0;
  for (const [, number, unit] of found.matchAll(/(\d+(?:\.\d+)?)\s?(ms|s|m|h)/gi)) sum += Number(number) * units[unit!.toLowerCase()]!;
  return Math.round(sum);
}
