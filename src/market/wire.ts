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
