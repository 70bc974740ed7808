export { limitsSchema, readLimits, type LimitsSection, type LimitStoreKind } from "./section.ts";
export { Bucket, type Limit } from "./bucket.ts";
export { isRefusal, type LimitHold, type Limiter, type LimitOutcome, type LimitRefusal } from "./limiter.ts";
export { LocalLimiter } from "./local-limiter.ts";
export { SharedLimiter } from "./shared-limiter.ts";
export { LimitBook } from "./limit-book.ts";
export { RedisRemote } from "./redis-remote.ts";
export type { LimitRemote } from "./remote.ts";
