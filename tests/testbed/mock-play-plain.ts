import type { PlainResult } from "./mock-plain.ts";
import type { Stage } from "./mock-player.ts";
import { playJson } from "./mock-player.ts";
import { vendorMocks } from "./mock-protocols.ts";
import type { Route } from "./mock-routes.ts";
import { readUrl, vendorOfPath } from "./mock-routes.ts";
import type { RecordedRequest } from "./recorded-request.ts";
import type { Scenario, ScenarioError } from "./scenario.ts";

/** Where an answer goes, before its scenario is known. */
export type BareStage = Omit<Stage, "trouble">;

/** Plays the answer to a request that no model generates for. */
export function playPlain(bare: BareStage, request: RecordedRequest, route: Route, scenario: Scenario, result: PlainResult): Promise<void> {
  if ("error" in result) return playError(bare, route, result.error, request.serial);
  request.reportedUsage = result.usage ?? null;
  const headers = { ...vendorMocks[route.vendor].headers(request.serial), ...scenario.headers };
  return playJson({ ...bare, trouble: scenario.trouble }, 200, headers, result.body);
}

/** Plays the 404 of the vendor that a path without a route looks like. */
export function playUnknown(bare: BareStage, request: RecordedRequest): Promise<void> {
  const url = readUrl(request.url);
  const error = { status: 404, message: `Invalid URL (${request.method} ${url.pathname})` };
  return playError(bare, { vendor: vendorOfPath(url, request.headers), framing: "none" }, error, request.serial);
}

/** Plays an error in the vendor's words. */
export function playError(bare: BareStage, route: Pick<Route, "vendor" | "framing">, error: ScenarioError, serial: number): Promise<void> {
  const wire = vendorMocks[route.vendor].renderError(error, serial);
  // Where Google would stream an array, its errors come in an array too.
  const body = error.body ?? (route.framing === "array" ? [wire.body] : wire.body);
  return playJson({ ...bare, trouble: undefined }, wire.status, { ...wire.headers, ...error.headers }, body);
}
