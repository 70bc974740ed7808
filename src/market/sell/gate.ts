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

/** What is sold. */
export interface SoldModel {
  readonly upstreamModel: string;
  readonly licence?: string | undefined;
  /** No rate is above 0. */
  readonly isFree?: boolean | undefined;
}

/**
 * Whether a provider's capacity may be sold. Models on one's own machines: yes, if their licence forbids commercial use without a price. A vendor's API: its terms
 * forbid resale, unless the owner names the contract that allows it, or sells inside the organisation alone. What a subscription pays for, and what another gateway
 * sells, is never sold, whatever is affirmed.
 * @returns what the offer states as its source.
 * @throws GatewayError `invalid_request`
 */
export function resaleSource(
  provider: Provider,
  { contract, isSameOrganisation }: Affirmation,
  { upstreamModel, licence = "", isFree = false }: SoldModel,
): "self-hosted" | "contract" | "organisation" {
  const { name } = provider;
  if (isMarketProvider(name)) throw refused(`"${name}" is another gateway: what was bought is not sold again.`);
  if (hasSubscription(provider))
    throw refused(`"${name}" has a credential of a subscription, which is for its owner alone: what it pays for is never sold.`);
  if (nonCommercial.test(licence) && !isFree)
    throw refused(`The licence ${licence} forbids commercial use: share the model without a price, --input 0 --output 0.`);
  if (provider.builtin || (isOwnMachine(provider) && !isVendorsModel(upstreamModel))) return "self-hosted";
  if (contract !== undefined && contract.trim() !== "") return "contract";
  if (isSameOrganisation === true) return "organisation";
  const what = isOwnMachine(provider)
    ? `"${upstreamModel}" is a model that only its vendor serves, so "${name}" passes it on`
    : `"${name}" is a vendor's API`;
  throw refused(
    `${what}: the vendor's terms forbid to resell it. Share a model of your own server, or name the contract that allows the resale: --contract REF. Inside one organisation, over its exchange: --affirm same-organisation.`,
  );
}

function refused(message: string): GatewayError {
  return new GatewayError("invalid_request", message);
}

/**
 * Tokens that log a person in, not an application: Claude's (`sk-ant-oat`, `sk-ant-ort`, `sk-ant-sid`), Google's access and refresh tokens (`ya29.`, `1//`), GitHub's for
 * Copilot (`gho_`, `ghu_`, `tid=`), and signed tokens (`eyJ…`), as ChatGPT, Kimi and Qwen give them to their programs.
 */
const subscriptionToken = /^(?:Bearer\s+)?(?:sk-ant-(?:oat|ort|sid)|ya29\.|1\/\/|gho_|ghu_|tid=|eyJ[\w-]+\.)/i;

/** Hosts that serve subscribers alone. */
const subscriptionHost =
  /(?:^|\.)(?:chatgpt\.com|claude\.ai|githubcopilot\.com|cloudcode-pa\.googleapis\.com|portal\.qwen\.ai|cursor\.sh)$/i;

/** Headers of subscribers' programs. */
const subscriptionHeader = /^(?:chatgpt-account-id|copilot-integration-id|cookie)$/i;

function hasSubscription({ keys, headers, query, baseUrls }: Provider): boolean {
  return (
    keys.some(({ secret }) => subscriptionToken.test(secret.reveal().trim())) ||
    headers.some(([header, value]) => subscriptionHeader.test(header) || subscriptionToken.test(value.trim())) ||
    headers.some(([, value]) => /oauth-\d{4}/.test(value)) ||
    query.some(([, value]) => subscriptionToken.test(value.trim())) ||
    Object.values(baseUrls).some((url) => subscriptionHost.test(new URL(url).hostname))
  );
}

/** Models without public weights, by their names at their vendors: a server of one's own that has them is a proxy. */
const vendorsModel =
  /^(?:.*\/)?(?:claude-|gemini-|chatgpt-|codex-|gpt-(?:3|4|5|6|image|audio|realtime)|o[1-9](?:-|$)|grok-(?:[2-9]|code|beta)|sonar(?:-|$))/i;

function isVendorsModel(model: string): boolean {
  return vendorsModel.test(model);
}

/** SPDX ids with NC, and what model cards say. */
const nonCommercial = /\bnc\b|non-?commercial|research[- ]only/i;

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
