import { applyEdits } from "../core/index.ts";
import { isUnbounded, setOutputLimit, type Protocol, type RouteCall } from "../protocols/index.ts";

/** What an offer that states no limit is counted with. */
const defaultOutput = 4096;
const mostTokens = 1_000_000_000;

/**
 * The tokens of output that a request may ask for: its own limit, at most that of the offer, for each of the answers that it wants. Buyer and seller
 * both count so; an order that promises less than its body asks for is refused.
 * @throws GatewayError if the body is not one of the dialect.
 */
export function outputBound(protocol: Protocol, call: RouteCall, body: string, offered: number): number {
  const { maxOutputTokens, otherLimit, choices = 1 } = protocol.readEnvelope(body, call);
  const most = offered > 0 ? offered : defaultOutput;
  return Math.min(mostTokens, Math.min(maxOutputTokens ?? otherLimit ?? most, most) * choices);
}

/** The body with the offer's limit of output, if it has none of its own: a model that writes more would do so at its seller's cost. */
export function withOutputLimit(protocol: Protocol, body: string, offered: number): string {
  if (!isUnbounded(body)) return body;
  const { maxOutputTokens: names } = protocol.params.names;
  // Of the two names that OpenAI's dialect has, every server knows this one.
  const place = typeof names === "string" ? names : (names.find((name) => name === "max_tokens") ?? names[0]);
  return applyEdits(body, [setOutputLimit(body, place, offered > 0 ? offered : defaultOutput)]);
}

/** The route of a sealed request, which makes an answer; `undefined` if there is none. @param target path and query. */
export function generateRoute(protocol: Protocol, target: string): RouteCall | undefined {
  const [path = "", query = ""] = target.split("?", 2);
  for (const route of protocol.routes) {
    if (route.method !== "POST" || route.operation !== "generate") continue;
    const [prefix = "", suffix] = route.path.split("{model}");
    if (suffix === undefined) {
      if (path === route.path) return { route, param: "", query };
    } else if (path.startsWith(prefix) && path.endsWith(suffix) && path.length > prefix.length + suffix.length) {
      const param = decoded(path.slice(prefix.length, path.length - suffix.length));
      return param === undefined ? undefined : { route, param, query };
    }
  }
  return undefined;
}

/** `undefined` for a `%` that encodes nothing. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
