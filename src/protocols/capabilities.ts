import type { Edit, Span } from "../core/index.ts";
import type { ReasoningProof } from "../ir/index.ts";

/** Where a request of a protocol carries its conversation and the results of tools. All texts are latin1. */
export interface ToolResults {
  /** The member of the body that contains the conversation. */
  readonly conversationKey: string;
  /** A text that every body with a tool result contains, and a rare piece of it: see `hasMark`. */
  readonly mark: string;
  readonly piece: string;
  /** A user's text beside results is a turn of its own: a user's turn right after results is one message with them. */
  readonly isTextATurn: boolean;
  /** The content of the last tool result in the conversation's last element; `undefined` if it has none. */
  lastResult(text: string, last: Span): Span | undefined;
  /** The edit that adds a note to a tool result; `undefined` if there is no place for one. */
  addNote(text: string, result: Span | undefined, note: string): Edit | undefined;
}

/** A piece of a text in an event of a stream. */
export interface TextDelta {
  /** The same for all pieces of one text. */
  readonly channel: string;
  /** What pieces of different texts have in common if one of them follows another: the other has ended, unless it is JSON. */
  readonly owner: string;
  /** The object in the event that has the piece as its member `key`. */
  readonly holder: Record<string, unknown>;
  readonly key: string;
  /** `json`: the text is JSON, as arguments of a tool. */
  readonly form: "text" | "json";
  /** The text ends with it. */
  readonly isLast?: boolean;
  /** It ends, as something else follows in its event; otherwise the event has only a reason to end. */
  readonly isFollowed?: boolean;
}

/** How clients of a protocol carry proofs of reasoning, which vendors sign or encrypt and need back unchanged. */
export interface ProofCarrier {
  /**
   * Where a client gives something opaque back. `blocks`: on each reasoning block (Anthropic `signature`, Responses `encrypted_content`).
   * `calls`: on a tool call, while reasoning may be dropped (Gemini `thoughtSignature`; Chat `extra_content`, which few clients give back).
   */
  readonly carriesOn: "blocks" | "calls";
  /** Some clients carry reasoning blocks with a proof although the dialect's own do not: the proof goes to the client, and is kept beside the next call as well. */
  readonly showsBlocks?: true;
  /** Whether a tool call has a field for a proof: `always`, only if the call itself was `signed`, or `never`. */
  readonly callField: "always" | "signed" | "never";
  /** An answer may end with a proof that belongs to no block. */
  readonly hasTrailingProof: boolean;
  /** Clients read the last block as the answer's text: a proof without text must not follow it (Claude Code). */
  readonly isLastBlockSpeech: boolean;
  /** Some clients repeat the request without streaming if a reasoning block has no signature at all. */
  readonly demandsSignature: boolean;
  /** The protocol's own models sign tool calls, and accept only the reasoning that they signed. */
  readonly signsCalls: boolean;
  /** Opaque data as a proof of this protocol. */
  wrap(data: string): ReasoningProof;
  /** The edits that remove the gateway's seals from a body for the protocol's own vendor. `text` is latin1. */
  withoutSeals(text: string, openSummary?: OpenSummary): readonly Edit[];
}

/** Returns the summary that `ClientContext.sealSummary` sealed for this user; `undefined` for anything else. */
export type OpenSummary = (sealed: string) => string | undefined;

/** What the server and the providers know of a protocol before a body is read. */
export interface WireRules {
  /** Errors on a path that no route has are in this protocol. */
  ownsPath(path: string): boolean;
  /** A request header, in lower case, by which a request for `/v1/models` asks for this protocol's form of the list. */
  readonly listHeader?: string;
  /** The query that asks for the most models of a provider's list at once. Absent: the list has no pages. */
  readonly listQuery?: string;
  /** Whether a base URL ends with the version (`/chat/completions` follows), or the version follows it (`/v1/messages`). */
  readonly hasVersionInBaseUrl: boolean;
}
