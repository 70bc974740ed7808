export { createToolCallGuard, type DuplicateGuard, type Guarded, type ToolCallGuard } from "./repeated-calls/guard-tool-calls.ts";
export { guardsSchema, readGuards, type GuardsSection } from "./section.ts";
