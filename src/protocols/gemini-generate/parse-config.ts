import type { ChatRequest, ReasoningRequest, ResponseFormat } from "../../ir/index.ts";
import { compact, isAbsent, isObject, restOf, type WireObject } from "../shared/fields.ts";
import { invalidField, join, optionalBoolean, optionalNumber, optionalObject, optionalString, optionalStrings } from "./fields.ts";
import { lowerTypes, schemaOfOpenApi } from "./schema.ts";

export const knownConfigFields: ReadonlySet<string> = new Set([
  "temperature",
  "topP",
  "topK",
  "candidateCount",
  "maxOutputTokens",
  "stopSequences",
  "seed",
  "presencePenalty",
  "frequencyPenalty",
  "responseLogprobs",
  "logprobs",
  "thinkingConfig",
]);
/** These fields are known too, if `parseFormat` understands their values. */
export const knownWithFormat: ReadonlySet<string> = new Set([
  ...knownConfigFields,
  "responseMimeType",
  "responseSchema",
  "responseJsonSchema",
  "_responseJsonSchema",
]);
const knownThinking: ReadonlySet<string> = new Set(["includeThoughts", "thinkingBudget", "thinkingLevel"]);

/** The fields of a request that `generationConfig` contains. */
type ConfigFields = Partial<
  Pick<
    ChatRequest,
    | "temperature"
    | "topP"
    | "topK"
    | "candidateCount"
    | "maxOutputTokens"
    | "stop"
    | "seed"
    | "presencePenalty"
    | "frequencyPenalty"
    | "logprobs"
    | "reasoning"
    | "responseFormat"
  >
>;

/** Parses `generationConfig`; `rest` has the fields without a neutral name. */
export function parseConfig(config: WireObject, path: string): { readonly fields: ConfigFields; readonly rest: WireObject | undefined } {
  const responseFormat = parseFormat(config, path);
  const thinking = optionalObject(config, "thinkingConfig", path);
  const known = responseFormat === undefined ? knownConfigFields : knownWithFormat;
  const thinkingRest = thinking === undefined ? undefined : restOf(thinking, knownThinking);
  return {
    fields: compact({
      temperature: optionalNumber(config, "temperature", path),
      topP: optionalNumber(config, "topP", path),
      topK: optionalNumber(config, "topK", path),
      candidateCount: optionalNumber(config, "candidateCount", path),
      maxOutputTokens: optionalNumber(config, "maxOutputTokens", path),
      stop: optionalStrings(config, "stopSequences", path),
      seed: optionalNumber(config, "seed", path),
      presencePenalty: optionalNumber(config, "presencePenalty", path),
      frequencyPenalty: optionalNumber(config, "frequencyPenalty", path),
      logprobs: parseLogprobs(config, path),
      reasoning: thinking === undefined ? undefined : parseThinking(thinking, join(path, "thinkingConfig")),
      responseFormat,
    }),
    rest: restOf(config, known, { thinkingConfig: thinkingRest }),
  };
}

/** `responseLogprobs` asks for log probabilities; `logprobs` is the number of alternatives. */
function parseLogprobs(config: WireObject, path: string): ChatRequest["logprobs"] | undefined {
  const asked = optionalBoolean(config, "responseLogprobs", path);
  const top = optionalNumber(config, "logprobs", path);
  return asked === true ? compact({ top }) : undefined;
}

/**
 * Parses `{"includeThoughts","thinkingLevel":"LOW"|…,"thinkingBudget"}`. With a budget of 0 the model does not think; with -1 it decides itself. The
 * thoughts that a client sees are a summary.
 */
function parseThinking(thinking: WireObject, path: string): ReasoningRequest | undefined {
  const shown = optionalBoolean(thinking, "includeThoughts", path);
  const level = optionalString(thinking, "thinkingLevel", path);
  const budget = optionalNumber(thinking, "thinkingBudget", path);
  const reasoning = compact({
    ...(budget === undefined ? {} : ofBudget(budget)),
    effort: level === undefined || level.endsWith("_UNSPECIFIED") ? undefined : level.toLowerCase(),
    ...(shown === undefined ? {} : { visibility: shown ? ("summary" as const) : ("none" as const) }),
  });
  return Object.keys(reasoning).length === 0 ? undefined : reasoning;
}

function ofBudget(budget: number): ReasoningRequest {
  if (budget === 0) return { enabled: false };
  return budget < 0 ? { adaptive: true } : { enabled: true, budgetTokens: budget };
}

/** Parses the form of the answer: JSON of a schema, any JSON, or text. Other media types (`text/x.enum`) have no neutral name. */
function parseFormat(config: WireObject, path: string): ResponseFormat | undefined {
  const mimeType = optionalString(config, "responseMimeType", path);
  if (mimeType === "text/plain") return { type: "text" };
  if (mimeType !== undefined && mimeType !== "application/json") return undefined;
  const jsonSchema = config["responseJsonSchema"] ?? config["_responseJsonSchema"];
  const schema = jsonSchema ?? config["responseSchema"];
  if (isAbsent(schema)) return mimeType === undefined ? undefined : { type: "json-object" };
  if (!isObject(schema) && typeof schema !== "boolean") {
    throw invalidField(join(path, jsonSchema === schema ? "responseJsonSchema" : "responseSchema"), "a schema");
  }
  return { type: "json-schema", schema: jsonSchema === schema ? lowerTypes(schema) : schemaOfOpenApi(schema), isEnforced: true };
}
