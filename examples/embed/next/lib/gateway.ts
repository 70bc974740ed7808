import { createGateway, type EmbeddedGateway } from "tokligence";

// Next.js loads a module once for each of its bundles, and again after a change in development: the gateway is made once for the process.
const kept = globalThis as { gateway?: Promise<EmbeddedGateway> };

export function gateway(): Promise<EmbeddedGateway> {
  return (kept.gateway ??= createGateway({ basePath: "/api/ai" }));
}
