import { GatewayError, hasEscapedGatewayKey } from "../../core/index.ts";

/**
 * The key that a request carries: `Authorization: Bearer`, `x-api-key`, `x-goog-api-key`, `api-key` (Azure's clients) or `?key=`, all with one meaning; `undefined` if there is none.
 * @throws GatewayError `conflicting_credentials` if two differ.
 */
export function readCredential(rawHeaders: readonly string[], queryKey: string | undefined): string | undefined {
  let found = queryKey === "" ? undefined : queryKey;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    const length = name.length;
    // Only names of these four lengths are compared: the length alone rules out most headers.
    if (length !== 13 && length !== 9 && length !== 14 && length !== 7) continue;
    const lower = name.toLowerCase();
    let value: string;
    if (lower === "authorization") {
      const sent = rawHeaders[i + 1]!;
      if (!/^bearer /i.test(sent)) continue;
      value = sent.slice("bearer ".length).trim();
    } else if (lower === "x-api-key" || lower === "x-goog-api-key" || lower === "api-key") {
      value = rawHeaders[i + 1]!.trim();
    } else {
      continue;
    }
    if (value === "") continue;
    if (found !== undefined && found !== value) {
      throw new GatewayError("conflicting_credentials", "The request carries two different keys. Send one key, in one place.");
    }
    found = value;
  }
  return found;
}

/**
 * Removes `key` from a query string, and every parameter that contains a key of the gateway: providers get the rest.
 * @returns the rest in its own order and spelling, and `key` decoded.
 * @throws GatewayError `conflicting_credentials` if two differ.
 */
export function takeQueryKey(query: string): { readonly query: string; readonly key: string | undefined } {
  // A name may be escaped: `%6bey` is `key` for the next program that reads the query.
  if (!query.includes("key") && !query.includes("%") && !query.includes("tok_") && !query.includes("sk-")) return { query, key: undefined };
  let key: string | undefined;
  const rest = query.split("&").filter((pair) => {
    const equals = pair.indexOf("=");
    if (decodeQuery(equals < 0 ? pair : pair.slice(0, equals)) !== "key") return !hasEscapedGatewayKey(pair);
    const value = equals < 0 ? "" : decodeQuery(pair.slice(equals + 1));
    if (key !== undefined && key !== value) {
      throw new GatewayError("conflicting_credentials", "The query carries two different keys. Send one.");
    }
    key = value;
    return false;
  });
  return { query: rest.join("&"), key };
}

function decodeQuery(value: string): string {
  try {
    return decodeURIComponent(value.replaceAll("+", " "));
  } catch {
    return value; // A broken escape is no key of ours; it will not be found.
  }
}
