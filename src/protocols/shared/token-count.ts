import { GatewayError, scanDocument } from "../../core/index.ts";
import { readTokenCount, type ChatRequest } from "../../ir/index.ts";
import { AnsweredError, isError } from "./answered-error.ts";
import type { WireObject } from "./fields.ts";
import { jsonObject } from "./json-text.ts";
import type { UpstreamError } from "../protocol.ts";

/** The parts of a request that make its prompt; how the answer is to be made adds no token. */
export function countable(request: ChatRequest): ChatRequest {
  const { model, messages, tools, toolChoice, reasoning, responseFormat, extensions } = request;
  return {
    model,
    stream: false,
    messages,
    ...(tools === undefined ? {} : { tools }),
    ...(toolChoice === undefined ? {} : { toolChoice }),
    ...(reasoning === undefined ? {} : { reasoning }),
    ...(responseFormat === undefined ? {} : { responseFormat }),
    ...(extensions === undefined ? {} : { extensions }),
  };
}

/** The object with only these of its fields, each with its text unchanged. `body` is a JSON object. */
export function keepFields(body: string, keys: readonly string[]): string {
  const { spans } = scanDocument(body, keys);
  const fields = keys.flatMap((key, index) => {
    const span = spans[index];
    return span === undefined ? [] : [`${JSON.stringify(key)}:${body.slice(span.start, span.end)}`];
  });
  return `{${fields.join(",")}}`;
}

/**
 * Reads the count in an answer, from the field `key`. `readError` reads the protocol's errors.
 * @throws GatewayError `upstream_invalid_response`; AnsweredError if it is an error.
 */
export function readCount(body: string, key: string, readError: (wire: WireObject) => UpstreamError | undefined): number {
  const wire = jsonObject(body) ?? {};
  const tokens = readTokenCount(wire[key]);
  if (tokens === undefined) {
    const error = isError(wire["error"]) ? readError(wire) : undefined;
    if (error !== undefined) throw new AnsweredError(error);
    throw new GatewayError("upstream_invalid_response", `The provider's answer to a count of tokens has no whole number "${key}".`);
  }
  return tokens;
}
