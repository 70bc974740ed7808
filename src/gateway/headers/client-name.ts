import { findHeader } from "./request-headers.ts";

/** The first product of the user agent, `claude-cli/2.1.330`; `undefined` if there is none. */
export function clientNameOf(headers: readonly string[]): string | undefined {
  const agent = findHeader(headers, "user-agent");
  if (agent === undefined || agent === "") return undefined;
  const end = agent.indexOf(" ");
  return agent.slice(0, Math.min(end < 0 ? agent.length : end, 64));
}
