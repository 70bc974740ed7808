import * as z from "zod";
import type { Every } from "../../core/index.ts";
import type { NewsOfTarget, TargetStates } from "./target-states.ts";

/** How often a process says what it has learned. */
const shareMs = 250;

const mean = z.object({ mean: z.number().nonnegative(), count: z.number().positive() });
const forMs = z.number().nonnegative();
const kinds = ["throttled", "quota", "credential", "overloaded", "breaker"] as const;

/** What comes from other processes; another version of the program may send more. */
const newsSchema = z.array(
  z.object({
    keyId: z.string(),
    fingerprint: z.string(),
    model: z.string(),
    news: z.object({
      block: z.object({ kind: z.enum(kinds), forMs, isNamed: z.boolean() }).nullish(),
      keyForMs: forMs.nullish(),
      firstContentMs: mean.optional(),
      totalMs: mean.optional(),
      outputTokens: mean.optional(),
    }),
  }),
);

export interface StateSharing {
  /** What another process has published. Anything that cannot be read is ignored: lost state is harmless. */
  receive(text: string): void;
  close(): void;
}

export interface StateSharingDeps {
  readonly states: Pick<TargetStates, "takeNews" | "hear">;
  readonly publish: (text: string) => void;
  readonly clock: { monotonic(): number };
  readonly every: Every;
}

/** Shares what processes know of targets: breakers, keys that are left alone, measured speeds. */
export function shareStates({ states, publish, clock, every }: StateSharingDeps): StateSharing {
  const stop = every(shareMs, () => {
    const news = states.takeNews(clock.monotonic());
    if (news.length > 0) publish(JSON.stringify(news));
  });
  return {
    receive(text) {
      const news = readNews(text);
      if (news !== undefined) states.hear(news, clock.monotonic());
    },
    close: stop,
  };
}

function readNews(text: string): readonly NewsOfTarget[] | undefined {
  try {
    const parsed = newsSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    // It is no JSON.
    return undefined;
  }
}
