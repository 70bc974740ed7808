import * as z from "zod";
import { choice, integer, percent } from "../../settings/index.ts";

const preemptions = ["drain", "cancel"] as const;

export const sellSchema = z
  .strictObject({
    reserve: integer(
      "Of the requests that a shared model's server bears at a time (`--concurrency`), those that are kept free for this gateway's own.",
      0,
      1000,
    ).prefault(1),
    headroom: percent(
      "Nothing is sold of a provider or model of which less than this share of a limit (requests, tokens, requests at a time) is left.",
    ).prefault("20%"),
    preempt: choice(
      "What happens to requests of others that are being served when this gateway's own need their places: drain: they are served to their end; cancel: the last ones are cancelled, and cost their buyers nothing.",
      preemptions,
    ).prefault("drain"),
  })
  .describe("What is sold to other gateways.")
  .prefault({});

export interface SellSettings {
  readonly reserve: number;
  /** From 0 to 1. */
  readonly headroom: number;
  readonly preempt: (typeof preemptions)[number];
}
