export { createToolCallGuard, type DuplicateGuard, type Guarded, type ToolCallGuard } from "./repeated-calls/guard-tool-calls.ts";
export { AnswerCheck, type AnswerText } from "./firewall/answer-check.ts";
export { describeCounts, type Finding } from "./firewall/compiled-rule.ts";
export { Firewall, restoreTexts } from "./firewall/firewall.ts";
export { Placeholders, StreamRestorer, type RestoredForm } from "./firewall/placeholders.ts";
export { firewallSchema, readFirewall, type FirewallRule } from "./firewall/section.ts";
export { guardsSchema, readGuards, type GuardsSection } from "./section.ts";
export { ruleSetNames, type RuleSetName } from "./firewall/rule-sets.ts";
