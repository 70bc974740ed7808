import { GatewayError, scanDocument } from "../core/index.ts";
import { readTokenCount, type ChatRequest } from "../ir/index.ts";
import { jsonObject } from "./json-text.ts";

/** Of a request what a prompt is made of; how the answer is to be made adds no token to it. */
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

/** The object with these of its fields only, each in the very text that it has. `body` is a JSON object. */
export function keepFields(body: string, keys: readonly string[]): string {
  const { spans } = scanDocument(body, keys);
  const fields = keys.flatMap((key, index) => {
    const span = spans[index];
    return span === undefined ? [] : [`${JSON.stringify(key)}:${body.slice(span.start, span.end)}`];
  });
  return `{${fields.join(",")}}`;
}

/** The count in an answer, under its name there. @throws GatewayError `upstream_invalid_response`. */
export function readCount(body: string, key: string): number {
  const tokens = readTokenCount(jsonObject(body)?.[key]);
  if (tokens === undefined) {
    throw new GatewayError("upstream_invalid_response", `The provider's answer to a count of tokens has no whole number "${key}".`);
  }
  return tokens;
}
