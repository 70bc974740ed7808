export * from "./block.ts";
export * from "./collect.ts";
export * from "./events.ts";
export * from "./protocol-id.ts";
export * from "./replay.ts";
export * from "./request.ts";
export * from "./response.ts";
export * from "./usage.ts";
