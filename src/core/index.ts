export * from "./clock.ts";
export * from "./errors.ts";
export * from "./ids.ts";
export * from "./json-scan.ts";
export * from "./logger.ts";
export * from "./secret.ts";
export * from "./slot-list.ts";
export * from "./sse.ts";
