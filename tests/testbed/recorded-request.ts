import type { IncomingHttpHeaders } from "node:http";
import type { Route } from "./mock-routes.ts";
import type { ResolvedScenario, ScenarioUsage } from "./scenario.ts";

/**
 * How an exchange ended: `answered` in full, `aborted` by the client before that, or `cut` by the mock itself.
 * `atMs` is on the clock of `performance.now()`.
 */
export type RequestEnd = { readonly how: "answered" | "aborted" | "cut"; readonly atMs: number };

/** A request as it arrived; recorded once its body is there, or once the client gave up sending it. */
export type RecordedRequest = {
  /** 1 for the first since `reset`; answers carry it in their ids. */
  readonly serial: number;
  readonly method: string;
  /** Path and query as sent. */
  readonly url: string;
  readonly rawHeaders: readonly string[];
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** On the clock of `performance.now()`, when the headers were there. */
  readonly receivedAtMs: number;
  readonly route: Route | null;
  /** What was played; null if no model was to answer. */
  scenario: ResolvedScenario | null;
  /** The usage that was sent so far; null if none was, as in a stream that ended before. */
  reportedUsage: ScenarioUsage | null;
  /** Set when the exchange is over. */
  end: RequestEnd | null;
  /** Resolves with `end`. */
  readonly closed: Promise<RequestEnd>;
};
