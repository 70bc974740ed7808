import type { JsonObject, JsonValue } from "./json.ts";
import { asArray, asObject, asString } from "./json.ts";
import type { ScenarioError } from "./scenario.ts";

type Stored = { readonly conversation: JsonObject; isContinued: boolean };

/**
 * Anthropic's message threads (`anthropic-beta: message-threads-2026-08-12`): a response to `thread: {"type":"create"}` can
 * be continued by its id, with the new messages alone. Since @anthropic-ai/sdk 1.x its tool runner does so by default.
 */
export type ThreadStore = {
  /** The request with the messages, system and tools the server holds, or the vendor's error. */
  readonly expand: (body: JsonObject, beta: string | undefined) => { readonly body: JsonObject } | { readonly error: ScenarioError };
  /** Keeps the conversation under the id of its reply, where the request asked for a thread. */
  readonly keep: (body: JsonObject, replyId: string, content: JsonValue) => void;
  readonly clear: () => void;
};

const BETA = "message-threads-2026-08-12";

/** A store without threads. */
export function createThreadStore(): ThreadStore {
  const threads = new Map<string, Stored>();
  return {
    expand: (body, beta) => {
      const thread = body["thread"];
      if (thread === undefined || thread === null) return { body };
      if (!(beta ?? "").includes(BETA)) return { error: { status: 400, message: "thread: Extra inputs are not permitted" } };
      if (asObject(thread)["type"] === "create") return { body };
      const previous = asString(asObject(thread)["previous_message_id"]) ?? "";
      const stored = threads.get(previous);
      if (stored === undefined) {
        return { error: { status: 404, code: "thread_not_found", message: `No usable thread state was found for \`${previous}\`.` } };
      }
      if (stored.isContinued) {
        return { error: { status: 400, code: "thread_already_continued", message: `\`${previous}\` has already been continued.` } };
      }
      const repeated = ["system", "tools"].find((field) => body[field] !== undefined);
      if (repeated !== undefined) return { error: { status: 400, message: `${repeated}: cannot be set when a thread is continued` } };
      stored.isContinued = true;
      const { system, tools, messages } = stored.conversation;
      const held = { ...(system === undefined ? {} : { system }), ...(tools === undefined ? {} : { tools }) };
      return { body: { ...body, ...held, messages: [...asArray(messages), ...asArray(body["messages"])] } };
    },
    keep: (body, replyId, content) => {
      if (body["thread"] === undefined || body["thread"] === null) return;
      const messages = [...asArray(body["messages"]), { role: "assistant", content }];
      threads.set(replyId, { conversation: { ...body, messages }, isContinued: false });
    },
    clear: () => threads.clear(),
  };
}
