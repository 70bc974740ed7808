import { skipSpace, skipValue } from "../../core/index.ts";
import type { ToolCallBlock } from "../../ir/index.ts";
import type { UpstreamError } from "../protocol.ts";

/**
 * Follows arguments that come in pieces: whether they are a whole JSON object or array already, and whether something else has come behind it. Two calls
 * under one index look so. Text that begins otherwise is never whole.
 */
export class JsonFollower {
  #state: "before" | "inside" | "whole" | "other" = "before";
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  /** Something but space has come behind the whole value. */
  isGlued = false;

  get isWhole(): boolean {
    return this.#state === "whole";
  }

  /** Nothing but space has come. */
  get isEmpty(): boolean {
    return this.#state === "before";
  }

  push(text: string): void {
    for (let at = 0; at < text.length && this.#state !== "other" && !this.isGlued; at++) this.#take(text.charCodeAt(at));
  }

  #take(code: number): void {
    if (this.#isInString) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (code === 0x5c) this.#isEscaped = true;
      else if (code === 0x22) this.#isInString = false;
      return;
    }
    if (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) return;
    if (this.#state === "whole") {
      this.isGlued = true;
    } else if (code === 0x7b || code === 0x5b) {
      this.#state = "inside";
      this.#depth++;
    } else if (this.#state === "before") {
      this.#state = "other";
    } else if (code === 0x22) {
      this.#isInString = true;
    } else if (code === 0x7d || code === 0x5d) {
      this.#depth--;
      if (this.#depth === 0) this.#state = "whole";
    }
  }
}

/** Whether arguments that have come whole are an object or array with something behind it. */
export function isGluedJson(text: string): boolean {
  const start = skipSpace(text, 0);
  if (text[start] !== "{" && text[start] !== "[") return false;
  try {
    return skipSpace(text, skipValue(text, start)) < text.length;
  } catch {
    return false; // Not even one value: the client says so to its model.
  }
}

/** What is wrong with a call that has come whole; `undefined`: it can be run, or its client can say why not. */
export function faultOfCall({
  name,
  kind,
  arguments: text,
}: Pick<ToolCallBlock, "kind" | "arguments"> & { readonly name: string | undefined }): UpstreamError | undefined {
  if (name === undefined || name === "") return namelessCall;
  return kind === "function" && isGluedJson(text) ? gluedCalls : undefined;
}

/** The arguments of several calls came as those of one: which tools were meant is not known. */
export const gluedCalls: UpstreamError = {
  status: 502,
  message: "The provider sent the arguments of several tool calls as those of one.",
  code: "upstream_invalid_response",
};

/** A call that names no tool cannot be run. */
export const namelessCall: UpstreamError = {
  status: 502,
  message: "The provider sent a tool call without a name.",
  code: "upstream_invalid_response",
};
