/** The prefix of every path of a node's interface. */
export const marketPrefix = "/market/v1";

/** The bytes that the header `authorization: TN1 node.at.sig` of a GET signs. @param path with the prefix and the query. */
export function requestBytes(path: string, at: number): Buffer {
  return Buffer.from(`tokligence-market\nGET\n${path}\n${at}`);
}
