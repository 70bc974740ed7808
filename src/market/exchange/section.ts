import * as z from "zod";
import { flag, integer, lifetime, text } from "../../settings/index.ts";

export const exchangeSchema = z
  .strictObject({
    enabled: flag("Be an exchange from the start on; `tokligence exchange start` does the same once.").prefault(false),
    organisation: text(
      "The organisation that all members belong to. Members may then offer what they may share inside of it alone.",
    ).optional(),
    fee_ppm: integer("The exchange's fee, in millionths of each payment.", 0, 200_000).prefault(0),
    settle: lifetime("How long a seller may settle a lease after it takes no more requests.").prefault("1h"),
    window: lifetime("How long a buyer may contest what it has not acknowledged.").prefault("1d"),
  })
  .describe("Clearing the trade of other gateways. Nothing of it runs before `tokligence exchange start`.")
  .prefault({});

export interface ExchangeSection {
  readonly enabled: boolean;
  readonly organisation: string;
  readonly feePpm: number;
  readonly settleMs: number;
  readonly windowMs: number;
}

export function readExchange(parsed: z.output<typeof exchangeSchema>): ExchangeSection {
  const { enabled, organisation, fee_ppm: feePpm, settle, window } = parsed;
  return { enabled, organisation: organisation ?? "", feePpm, settleMs: settle, windowMs: window };
}
