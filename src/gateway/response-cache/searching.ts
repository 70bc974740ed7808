import type { Units } from "../../ir/index.ts";

const searches = /search|fetch|grounded|code|session|container/;

/** Whether an answer is made of what the provider found or ran itself. */
export function isSearching(units: Units | undefined): boolean {
  return units !== undefined && Object.keys(units).some((unit) => searches.test(unit));
}
