import { isIP } from "node:net";
import { GatewayError } from "../../core/index.ts";
import { isMarketProvider, type Provider } from "../../upstream/index.ts";

/** What the owner of the gateway affirms about a model that is not his own. */
export interface Affirmation {
  /** Reference of the contract that allows the resale. */
  readonly contract?: string | undefined;
  /** The buyers are of the same organisation, as its exchange says. */
  readonly isSameOrganisation?: boolean | undefined;
}

/**
 * Whether a provider's capacity may be sold. Models on one's own machines: yes. A vendor's API: its terms forbid resale, unless the owner names the
 * contract that allows it. What another gateway sells is never sold again. Nothing that a subscription pays for is ever sold: the gateway has no credentials of that kind.
 * @returns what the offer states as its source.
 * @throws GatewayError `invalid_request`
 */
export function resaleSource(
  provider: Provider,
  { contract, isSameOrganisation }: Affirmation,
): "self-hosted" | "contract" | "organisation" {
  if (isMarketProvider(provider.name)) {
    throw new GatewayError("invalid_request", `"${provider.name}" is another gateway: what was bought is not sold again.`);
  }
  if (provider.builtin || isOwnMachine(provider)) return "self-hosted";
  if (contract !== undefined && contract.trim() !== "") return "contract";
  if (isSameOrganisation === true) return "organisation";
  throw new GatewayError(
    "invalid_request",
    `"${provider.name}" is a vendor's API, whose terms forbid to resell it. Share a model of your own server, or name the contract that allows the resale: --contract REF. Inside one organisation, over its exchange: --affirm same-organisation.`,
  );
}

/** All base URLs are on this machine or in a private network. */
function isOwnMachine({ baseUrls }: Provider): boolean {
  const hosts = Object.values(baseUrls).map((url) => new URL(url).hostname.replaceAll(/[[\]]/g, ""));
  return hosts.length > 0 && hosts.every(isPrivateHost);
}

function isPrivateHost(host: string): boolean {
  if (host === "localhost" || host.endsWith(".localhost") || host.endsWith(".local") || host.endsWith(".internal")) return true;
  if (isIP(host) === 4)
    return /^(?:127|10)\.|^192\.168\.|^172\.(?:1[6-9]|2\d|3[01])\.|^100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./.test(host);
  if (isIP(host) === 6) return host === "::1" || /^f[cd]/i.test(host);
  // A name without a dot is one of this network.
  return !host.includes(".");
}
