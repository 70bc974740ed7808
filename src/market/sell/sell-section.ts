import * as z from "zod";
import { integer, percent } from "../../settings/index.ts";

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
  })
  .describe("What is sold to other gateways.")
  .prefault({});

export interface SellSettings {
  readonly reserve: number;
  /** From 0 to 1. */
  readonly headroom: number;
}
