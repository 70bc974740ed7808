import * as z from "zod";
import { adminContracts, type AdminClient, type OperationContract } from "../../server/index.ts";
import type { ChangeTool, ReadTool, Tool, ToolResult } from "./tool.ts";
import { describeTarget, undoOf, type OperationName } from "./admin-targets.ts";

/**
 * Changes that the assistant offers, with words of which one is in a question that asks for it. Not offered: `daemon.restart`, whose argument is a
 * program to run, and `alerts.test`, which sends messages to others.
 */
const changes: Readonly<Partial<Record<OperationName, RegExp>>> = {
  "users.create": /\b(?:add|create|new|make|invite|onboard|register|set up)\b/i,
  "users.update": /\b(?:change|set|update|make|promote|demote|role|e-?mail|tags?|tag)\b/i,
  "users.disable": /\b(?:disable|block|suspend|lock|deactivate|ban|offboard)\b/i,
  "users.enable": /\b(?:enable|unblock|unlock|reactivate|restore|activate|allow)\b/i,
  "keys.create": /\b(?:create|new|make|issue|give|add|generate|rotate)\b/i,
  "keys.revoke": /\b(?:revoke|delete|remove|cancel|withdraw|invalidate|rotate)\b/i,
  "budgets.set": /\b(?:budgets?|dollars?|usd|spend|spending|cap|stop|warn)\b|\$/i,
  "budgets.remove": /\b(?:remove|delete|drop|lift|clear|cancel)\b/i,
  "limits.set": /\b(?:limits?|throttle|rate|requests|tokens|concurrent|cap)\b/i,
  "limits.remove": /\b(?:remove|delete|drop|lift|clear|unlimited)\b/i,
  "ledger.reprice": /\b(?:reprice|recalculate|recompute|reckon|correct)\b/i,
  "config.reload": /\b(?:reload|re-read|reread)\b/i,
  "daemon.stop": /\b(?:stop|shut ?down|halt|quit)\b/i,
};

/** Reads whose answers contain nothing that a client, a provider or a user of the gateway has written. */
const ownReads: ReadonlySet<OperationName> = new Set(["status.get", "prices.sources", "ledger.status"]);

/** Not offered: bodies are what clients wrote and read; the configuration has a tool of its own. */
const hiddenReads: ReadonlySet<OperationName> = new Set(["usage.bodies", "config.get"]);

/** Rows of a list, if the model names no number. */
const usualLimit = "50";

/** A tool for every operation of the admin API that the assistant may call, with parameters made from its contract. */
export function adminTools(call: AdminClient): Tool[] {
  return (Object.keys(adminContracts) as OperationName[]).flatMap((name): Tool[] => {
    const contract: OperationContract = adminContracts[name];
    if (contract.access === "user") return [];
    const askedBy = changes[name];
    if (askedBy !== undefined) return [changeTool(call, name, askedBy)];
    return contract.method === "GET" && !hiddenReads.has(name) ? [readTool(call, name)] : [];
  });
}

function readTool(call: AdminClient, name: OperationName): ReadTool {
  const contract: OperationContract = adminContracts[name];
  const hasLimit = contract.query !== undefined && "limit" in contract.query.shape;
  return {
    kind: "read",
    name: toolNameOf(name),
    description: contract.summary,
    parameters: parametersOf(contract),
    isForeign: !ownReads.has(name),
    read: async (input) => ({ value: await callOperation(call, name, hasLimit ? { limit: usualLimit, ...input } : input) }),
  };
}

function changeTool(call: AdminClient, name: OperationName, askedBy: RegExp): ChangeTool {
  const contract: OperationContract = adminContracts[name];
  return {
    kind: "change",
    name: toolNameOf(name),
    description: `${contract.summary} The user is asked before it happens.`,
    parameters: parametersOf(contract),
    askedBy,
    async plan(input) {
      const target = await describeTarget(call, name, input);
      const lines = Object.entries(input).map(([field, value]) => `  ${field.padEnd(20)} ${shownValue(value)}`);
      const undo = await undoOf(call, name, input);
      return {
        summary: [`${name}: ${contract.summary}`, ...lines, ...(target === undefined ? [] : [`  ${"that is".padEnd(20)} ${target}`])].join(
          "\n",
        ),
        apply: async () => withoutKey(await callOperation(call, name, input), undo),
      };
    },
  };
}

/** Names of functions have no dots in most protocols. */
function toolNameOf(name: OperationName): string {
  return name.replaceAll(".", "_");
}

function shownValue(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The path's parameter, the query and the body of a contract, side by side. */
function parametersOf({ path, query, body }: OperationContract): z.ZodObject {
  const { format: _, ...queryShape } = query?.shape ?? {};
  const param = paramOf(path);
  return z.strictObject({
    ...(param === undefined ? {} : { [param]: z.string().min(1).describe("id or name; of a key its id or prefix") }),
    ...queryShape,
    ...(body instanceof z.ZodObject ? body.shape : {}),
  });
}

function paramOf(path: string): string | undefined {
  return /\{(\w+)\}/.exec(path)?.[1];
}

async function callOperation(call: AdminClient, name: OperationName, input: Readonly<Record<string, unknown>>): Promise<unknown> {
  const { path, query, body }: OperationContract = adminContracts[name];
  const param = paramOf(path);
  const pick = (schema: unknown): Record<string, unknown> =>
    Object.fromEntries(Object.entries(input).filter(([field]) => schema instanceof z.ZodObject && field in schema.shape));
  const given = {
    ...(param === undefined ? {} : { param: String(input[param]) }),
    ...(query === undefined ? {} : { query: pick(query) }),
    ...(body === undefined ? {} : { body: pick(body) }),
  };
  // The input was read with the schema of this very contract, which the compiler cannot see.
  return await (call as (name: OperationName, input: object) => Promise<unknown>)(name, given);
}

/** A new key is for the user alone. */
function withoutKey(answer: unknown, undo: ToolResult["undo"]): ToolResult {
  const undoing = undo === undefined ? {} : { undo };
  if (typeof answer !== "object" || answer === null || !("key" in answer) || typeof answer.key !== "string")
    return { value: answer, ...undoing };
  const { key, ...rest } = answer;
  return { value: { ...rest, key: "[shown to the user alone]" }, shownOnce: key, ...undoing };
}
