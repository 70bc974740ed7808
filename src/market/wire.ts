/** The prefix of every path of a node's interface. */
export const marketPrefix = "/market/v1";

/**
 * The bytes that the header `authorization: TN1 node.at.sig` of a GET signs. They name the node that is asked: it cannot show the header to another
 * one, and read there what is the signer's.
 * @param to the node that is asked. @param path with the prefix and the query.
 */
export function requestBytes(to: string, path: string, at: number): Buffer {
  return Buffer.from(`tokligence-market\nGET\n${to}\n${path}\n${at}`);
}

/** The URL under which a relay forwards calls to a node, in place of the node's own address and prefix. */
export function relayedUrl(relay: string, node: string): string {
  return `${relay}${marketPrefix}/relay/${node}`;
}

const relayedForm = /^(https?:\/\/[^/?#@\s]{1,256})\/market\/v1\/relay\/(tn1_[A-Za-z0-9_-]{43})$/;

/** The relay and the node of such a URL; `undefined`: it is a node's own address. */
export function relayOf(url: string): { readonly relay: string; readonly node: string } | undefined {
  const [, relay, node] = relayedForm.exec(url) ?? [];
  return relay === undefined || node === undefined ? undefined : { relay, node };
}

/** What the connection of a seller to a relay speaks: HTTP/2, in which the relay sends the requests. */
export const relayProtocol = "tokligence-relay/1";

/** The header of a call to a relay: `TN1 node.at.sig`, the caller's pass. */
export const passHeader = "x-tokligence-pass";

/** The bytes that a pass signs. It names the seller, so that it is good for nobody else. */
export function passBytes(seller: string, at: number): Buffer {
  return Buffer.from(`tokligence-market\nRELAY\n${seller}\n${at}`);
}

/** Headers of a relay's answer to a seller that connects: where buyers call the relay, and its signature. */
export const relayUrlHeader = "x-tokligence-relay-url";
export const relaySignatureHeader = "x-tokligence-relay-sig";

/** The bytes that a relay signs for a seller that connects: they name what the seller has signed, so that nobody has kept them from before. */
export function relayAnswerBytes(authorization: string, url: string): Buffer {
  return Buffer.from(`tokligence-market\nRELAYED\n${authorization}\n${url}`);
}
