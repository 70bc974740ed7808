import { fromJSONSchema, type ZodType } from "zod";
import { SseSplitter, utf8OfLatin1, type Bytes } from "../core/index.ts";
import { collect, type ChatResponse, type StreamEvent, type Tool, type ToolCallBlock } from "../ir/index.ts";
import type { ToolCallCounts } from "../ledger/index.ts";
import type { UpstreamProtocol } from "../protocols/index.ts";
import { schemaCost } from "./schema-cost.ts";
import { schemaWithoutPatterns } from "./schema-without-patterns.ts";

type JsonSchema = Parameters<typeof fromJSONSchema>[0];

/** Calls of more tools than this are not compared: each schema is compiled for it. */
const mostSchemas = 16;
/** The nodes of a schema times the characters of a call's arguments: a comparison of more would keep the thread from other requests. */
const mostWork = 2_000_000;

/** Counts the calls of the client's own tools in an answer, as the client got it. `undefined`: it has none, or cannot be read. Tools that are `undefined` are not known: nothing is compared. */
export function checkToolCalls(
  protocol: UpstreamProtocol,
  answer: Bytes,
  tools: () => readonly Tool[] | undefined,
): ToolCallCounts | undefined {
  const calls = readAnswer(protocol, answer).content.filter((block) => block.type === "tool-call" && block.kind === "function");
  if (calls.length === 0) return undefined;
  const parsed = (calls as readonly ToolCallBlock[]).map((call) => ({
    name: call.name,
    length: call.arguments.length,
    value: parseArguments(call.arguments),
  }));
  const counts = { calls: calls.length, parsed: parsed.filter(({ value }) => value !== undefined).length };
  const known = tools();
  const fit = known === undefined ? undefined : countFitting(parsed, known);
  return fit === undefined ? counts : { ...counts, fit };
}

function readAnswer(protocol: UpstreamProtocol, answer: Bytes): ChatResponse {
  if (answer.startsWith("{")) return protocol.parseResponse(utf8OfLatin1(answer));
  const decoder = protocol.createStreamDecoder();
  const events: StreamEvent[] = [];
  for (const event of new SseSplitter().push(answer)) events.push(...decoder.push(event));
  events.push(...decoder.end());
  return collect(events);
}

/** `undefined`: not a JSON object. */
function parseArguments(text: string): object | undefined {
  if (text.trim() === "") return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** How many calls fit the schema of their tool; `undefined`: a schema cannot be compiled, or is too much work. A call of a tool that the client does not have fits none. */
function countFitting(
  calls: readonly { readonly name: string; readonly length: number; readonly value: object | undefined }[],
  tools: readonly Tool[],
): number | undefined {
  const schemas = new Map<string, ZodType | undefined>();
  let fit = 0;
  let work = 0;
  for (const { name, length, value } of calls) {
    const tool = tools.find((each) => each.type === "function" && each.name === name);
    if (value === undefined || tool?.type !== "function") continue;
    const cost = schemaCost(tool.parameters);
    work += cost === undefined ? Infinity : cost * length;
    if (work > mostWork) return undefined;
    if (!schemas.has(name)) {
      if (schemas.size >= mostSchemas) return undefined;
      try {
        schemas.set(name, tool.parameters === undefined ? undefined : fromJSONSchema(schemaWithoutPatterns(tool.parameters) as JsonSchema));
      } catch {
        return undefined;
      }
    }
    const schema = schemas.get(name);
    if (schema === undefined || schema.safeParse(value).success) fit += 1;
  }
  return fit;
}
