import type { Citation } from "../../ir/index.ts";
import { isObject, type WireObject } from "../shared/fields.ts";
import { KeyRenamer } from "../shared/json-keys.ts";
import { JsonFollower } from "../shared/whole-json.ts";

export type BlockType = "text" | "reasoning" | "function" | "custom" | "answer" | "opaque";

/** A content block of a stream while it is decoded. */
export interface OpenBlock {
  readonly type: BlockType;
  /** Index in the neutral stream; `undefined` until the block begins there. */
  index: number | undefined;
  /** The wire form of a block that is emitted when it ends. */
  readonly wire: WireObject;
  /** The arguments received so far, of a block that is emitted when it ends. */
  buffered: string;
  /** Gives the properties in the arguments of a call the client's names. */
  readonly keys: KeyRenamer | undefined;
  /** Follows the arguments of a call. */
  readonly json: JsonFollower;
  hasArguments: boolean;
  /** The length of the text so far. */
  length: number;
  /** They cite all of the text, which is known at its end. */
  readonly citations: Citation[];
}

export function openBlock(type: BlockType, wire: WireObject, properties?: ReadonlyMap<string, string>): OpenBlock {
  const keys = properties === undefined ? undefined : new KeyRenamer(properties);
  return { type, index: undefined, wire, buffered: "", keys, json: new JsonFollower(), hasArguments: false, length: 0, citations: [] };
}

export function isCall({ type }: OpenBlock): boolean {
  return type === "function" || type === "custom";
}

/** The arguments at the end of a block that no delta had: all of them, or a key that was cut off. */
export function restOfArguments({ keys, hasArguments }: OpenBlock, args: string): string {
  if (keys === undefined) return hasArguments ? "" : args;
  return (hasArguments ? "" : keys.push(args)) + keys.end();
}

/** Some servers send the whole input at the start of a block, or its text; a call without any input is a call without arguments. */
export function inputAtStart({ input }: { readonly input?: unknown }): string {
  if (typeof input === "string" && input !== "") return input;
  return JSON.stringify(isObject(input) ? input : {});
}
