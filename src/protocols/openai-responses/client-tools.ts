import type { ChatRequest, Tool } from "../../ir/index.ts";
import { compact, isObject, type WireObject } from "../shared/fields.ts";
import { jsonValue } from "../shared/json-text.ts";
import type { CallItemFields, ItemPrefix, ItemStatus } from "./output-items.ts";
import type { WireItem } from "./wire.ts";

/** A tool with a type of its own that the client runs itself: the vendor's model knows it, any other gets it as a function. */
export interface ClientTool {
  /** The type of the tool, and the name of the function unless the client has a tool of that name. */
  readonly type: string;
  readonly idPrefix: ItemPrefix;
  /** Whether the client runs it: the vendor has a tool of the same type. */
  readonly isOwn: (tool: WireObject) => boolean;
  readonly declare: (tool: WireObject) => { readonly description?: string | undefined; readonly parameters?: WireObject | undefined };
  /** The fields of a call, beside its ids and its status. `args`: the function's arguments; text if they are not JSON. */
  readonly call: (args: unknown) => WireObject;
  /** The function's arguments of a call. */
  readonly argumentsOf: (item: WireObject) => unknown;
  /** What a result says; absent: the search of tools, whose result is a list of tools. */
  readonly resultOf?: (item: WireObject) => string;
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
const fieldsOf = (value: unknown): WireObject => (isObject(value) ? value : {});
const texts = { type: "array", items: { type: "string" } };

/** `{"type":"tool_search","execution":"client"}` and `ResponseToolSearchCall`, whose arguments are JSON, not text. */
const toolSearch: ClientTool = {
  type: "tool_search",
  idPrefix: "tsc_",
  isOwn: (tool) => tool["execution"] === "client",
  declare: ({ description, parameters }) => ({
    description: textOf(description) || undefined,
    parameters: isObject(parameters) ? parameters : undefined,
  }),
  call: (args) => ({ type: "tool_search_call", execution: "client", arguments: args }),
  argumentsOf: ({ arguments: args }) => args ?? {},
};

/** `Tool.LocalShell` and `LocalShellCall`: one command as a list of words. */
const localShell: ClientTool = {
  type: "local_shell",
  idPrefix: "lsh_",
  isOwn: () => true,
  declare: () => ({
    description: "Runs a command on the user's machine and returns what it prints.",
    parameters: {
      type: "object",
      properties: {
        command: { ...texts, description: 'The program and its arguments, as in ["bash", "-lc", "ls -l"].' },
        working_directory: { type: "string" },
        timeout_ms: { type: "integer" },
      },
      required: ["command"],
    },
  }),
  call(args) {
    const { command, working_directory: folder, timeout_ms: timeout, env } = fieldsOf(args);
    const words = wordsOf(command);
    const line = typeof command === "string" ? command : textOf(args);
    return {
      type: "local_shell_call",
      action: {
        type: "exec",
        command: words.length === 0 && line !== "" ? ["bash", "-lc", line] : words,
        env: fieldsOf(env),
        ...(typeof timeout === "number" ? { timeout_ms: timeout } : {}),
        ...(typeof folder === "string" ? { working_directory: folder } : {}),
      },
    };
  },
  argumentsOf({ action }) {
    const { command, working_directory: folder, timeout_ms: timeout } = fieldsOf(action);
    return compact({ command, working_directory: folder ?? undefined, timeout_ms: timeout ?? undefined });
  },
  resultOf: ({ output }) => textOf(output),
};

/** `FunctionShellTool` and `ResponseFunctionShellToolCall`: several commands at once. With a container, the vendor runs it. */
const shell: ClientTool = {
  type: "shell",
  idPrefix: "sh_",
  isOwn: ({ environment }) => !isObject(environment) || environment["type"] === "local",
  declare: () => ({
    description: "Runs commands in a shell on the user's machine and returns what each prints.",
    parameters: {
      type: "object",
      properties: { commands: texts, timeout_ms: { type: "integer" }, max_output_length: { type: "integer" } },
      required: ["commands"],
    },
  }),
  call(args) {
    const { commands, timeout_ms: timeout, max_output_length: most } = fieldsOf(args);
    const line = typeof commands === "string" ? commands : textOf(args);
    return {
      type: "shell_call",
      action: {
        commands: line === "" ? wordsOf(commands) : [line],
        timeout_ms: typeof timeout === "number" ? timeout : null,
        max_output_length: typeof most === "number" ? most : null,
      },
      environment: { type: "local" },
    };
  },
  argumentsOf({ action }) {
    const { commands, timeout_ms: timeout, max_output_length: most } = fieldsOf(action);
    return compact({ commands, timeout_ms: timeout ?? undefined, max_output_length: most ?? undefined });
  },
  resultOf: ({ output }) => JSON.stringify(output ?? []),
};

/** `ApplyPatchTool` and `ResponseApplyPatchToolCall`: one file is created, changed or deleted. */
const applyPatch: ClientTool = {
  type: "apply_patch",
  idPrefix: "apc_",
  isOwn: () => true,
  declare: () => ({
    description:
      "Creates, changes or deletes one file of the user's project. `diff`: a V4A diff; for a new file all its lines with a + before each.",
    parameters: {
      type: "object",
      properties: {
        type: { type: "string", enum: ["create_file", "update_file", "delete_file"] },
        path: { type: "string" },
        diff: { type: "string" },
      },
      required: ["type", "path"],
    },
  }),
  call(args) {
    const given = fieldsOf(args);
    const { type, path, diff } = isObject(given["operation"]) ? given["operation"] : given;
    const isDelete = type === "delete_file";
    return {
      type: "apply_patch_call",
      operation: { type: textOf(type) || "update_file", path: textOf(path), ...(isDelete ? {} : { diff: textOf(diff) }) },
    };
  },
  argumentsOf: ({ operation }) => fieldsOf(operation),
  resultOf: ({ status, output }) => [textOf(status), textOf(output)].filter((text) => text !== "").join(": "),
};

/** From the npm package `openai` 7.57. */
const clientTools: readonly ClientTool[] = [toolSearch, localShell, shell, applyPatch];

function wordsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((word) => typeof word === "string") : [];
}

/** The client's tool, if it is one with a type of its own that the client runs. */
export function clientToolOf(tool: Tool): ClientTool | undefined {
  if (tool.type !== "server" || tool.protocol !== "openai-responses") return undefined;
  return clientTools.find(({ type, isOwn }) => type === tool.wire["type"] && isOwn(tool.wire));
}

/** The tool of a call or a result among the items of the input. */
export function clientToolOfItem(type: unknown): { readonly tool: ClientTool; readonly isResult: boolean } | undefined {
  for (const tool of clientTools) {
    if (type === `${tool.type}_call`) return { tool, isResult: false };
    if (type === `${tool.type}_call_output` || (tool === toolSearch && type === "tool_search_output")) return { tool, isResult: true };
  }
  return undefined;
}

/** The name of the tool as a function: its type, unless the client has a tool of that name. */
export function functionNameIn(tools: readonly Tool[], { type }: ClientTool): string {
  const isTaken = (name: string): boolean =>
    tools.some((tool) => tool.type !== "server" && tool.namespace === undefined && tool.name === name);
  let name = type;
  for (let n = 2; isTaken(name); n++) name = `${type}_${n}`;
  return name;
}

/** The tool that a call is one of. */
export function clientToolOfCall(
  { tools }: ChatRequest,
  call: Pick<CallItemFields, "name" | "namespace" | "kind">,
): ClientTool | undefined {
  if (tools === undefined || call.namespace !== undefined || call.kind !== "function") return undefined;
  for (const tool of tools) {
    const own = clientToolOf(tool);
    if (own !== undefined && call.name.startsWith(own.type) && call.name === functionNameIn(tools, own)) return own;
  }
  return undefined;
}

/** A call of such a tool. */
export function clientCallItem(
  tool: ClientTool,
  { id, callId, arguments: text }: Pick<CallItemFields, "id" | "callId" | "arguments">,
  status: ItemStatus,
): WireItem {
  const { type, ...fields } = tool.call(text === "" ? {} : (jsonValue(text) ?? text));
  const item: WireObject = { id, type, status, call_id: callId, ...fields };
  return item as unknown as WireItem;
}
