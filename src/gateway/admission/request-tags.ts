import { GatewayError, hasGatewayKey, parseTags } from "../../core/index.ts";

const headerName = "x-tokligence-tags";

/**
 * The tags that the client puts on its request's usage: `x-tokligence-tags: team:search, release/7`. A repeated header is one list (RFC 9110, section
 * 5.3). It is the gateway's own, and goes to no upstream.
 * @returns `undefined` for none. @throws GatewayError `invalid_request` that says what is wrong.
 */
export function readRequestTags(rawHeaders: readonly string[]): readonly string[] | undefined {
  let list: string | undefined;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length !== headerName.length || name.toLowerCase() !== headerName) continue;
    list = list === undefined ? rawHeaders[i + 1]! : `${list},${rawHeaders[i + 1]!}`;
  }
  if (list === undefined) return undefined;
  const parsed = hasGatewayKey(list) ? { problem: "it contains an API key" } : parseTags(list);
  if ("problem" in parsed) {
    throw new GatewayError("invalid_request", `The header ${headerName} cannot be taken: ${parsed.problem}.`, { param: headerName });
  }
  return parsed.tags;
}
