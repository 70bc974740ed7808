import type * as Http from "node:http";

/**
 * Returns `node:http` without an `import` of it. An `import` would read all its exports, `WebSocket` among them, and so load Node's own copy of
 * undici, which this program does not use. Measured: that takes 40 ms at start.
 */
export function nodeHttp(): typeof Http {
  return process.getBuiltinModule("node:http");
}
