import type * as Http from "node:http";

/**
 * `node:http`, without an `import` of it: that reads all its exports, among them `WebSocket`, and so loads Node's own copy of undici, which nobody here uses.
 * Measured: 40 ms of a start.
 */
export function nodeHttp(): typeof Http {
  return process.getBuiltinModule("node:http");
}
