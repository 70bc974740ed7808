import { setTimeout as delay } from "node:timers/promises";
import type { Gateway } from "../compose/compose-gateway.ts";

/** How long the lists of models of the providers are waited for. */
const listingsMs = 1500;

/** Makes a gateway ready whose first request comes in the moment in which it serves. */
export async function prepare(gateway: Pick<Gateway, "warmUp" | "listings">): Promise<void> {
  await gateway.warmUp();
  await Promise.race([gateway.listings()?.refresh(), delay(listingsMs, undefined, { ref: false })]);
}
