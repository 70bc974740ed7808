import { isIP } from "node:net";

/**
 * Whether a seller of an exchange may be called at a URL that it names itself. It may name this machine, or a service inside of the buyer's network, which must not
 * get requests of a gateway: only public names are called, and what a name resolves to is checked when the connection is made.
 */
export function isPublicReach(url: string): boolean {
  const host = new URL(url).hostname.replaceAll(/[[\]]/g, "").replace(/\.$/, "").toLowerCase();
  if (isIP(host) !== 0) return false;
  return host.includes(".") && !/(?:^|\.)(?:localhost|local|internal|home\.arpa)$/.test(host);
}

/** Addresses at which nothing of another owner is, whatever the settings allow: of the link alone, unspecified, and multicast. */
export function isForbiddenReach(url: string): boolean {
  const host = new URL(url).hostname.replaceAll(/[[\]]/g, "").toLowerCase();
  if (isIP(host) === 4) return /^(?:0|22[4-9]|23\d|24\d|25[0-5])\.|^169\.254\.|^100\.100\.100\.200$/.test(host);
  return isIP(host) === 6 && (/^(?:fe[89ab]|ff)/.test(host) || host === "::" || host.startsWith("::ffff:") || host === "fd00:ec2::254");
}
