import { GatewayError } from "../../core/index.ts";
import type { Bucket, LimitRefusal } from "../../limits/index.ts";

const words: Readonly<Record<Bucket["kind"], string>> = {
  requests_per_minute: "requests per minute",
  tokens_per_minute: "tokens per minute",
  requests_per_day: "requests per day",
  tokens_per_day: "tokens per day",
  concurrent: "requests at a time",
};

/** The names of users, tags and providers are the operator's: a client reads only what kind of limit it is. */
const owners: Readonly<Record<Bucket["subject"]["kind"], string>> = {
  user: "this user",
  key: "this API key",
  tag: "a tag of this API key",
  model: "this model",
  provider: "the provider of this model",
};

/** Clients (Codex among them) read the time to wait from OpenAI's words "Please try again in". */
export function limitReached({ bucket, waitMs }: LimitRefusal): GatewayError {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  return new GatewayError(
    "limit_reached",
    `Rate limit reached for ${owners[bucket.subject.kind]} on ${words[bucket.kind]}: limit ${bucket.amount}. Please try again in ${seconds}s.`,
    { retryAfterSeconds: seconds },
  );
}
