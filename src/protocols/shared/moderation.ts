import { isObject, type WireObject } from "./fields.ts";

const codes = /content_?(?:policy|filter|moderation)|moderation|safety_check/;
/** Words about what the client sent, not about the operator's account. */
const words =
  /\b(?:inputs?|prompts?|content|messages?|text) (?:was|were|is|are|has been|have been) (?:flagged|blocked|rejected)\b|\bcontent violates\b|\bflagged by (?:our |the )?(?:content )?moderation\b/i;
const ofAccount = /\b(?:your|this|the) (?:account|organi[sz]ation|project|workspace|team)\b/i;

/**
 * Whether an error reports that a moderation refused what the client sent. OpenRouter: a 403 with `metadata: {"reasons","flagged_input"}`
 * (openrouter.ai/docs, errors and debugging); xAI: a 403 whose text is "Content violates usage guidelines" (docs.x.ai); both November 2026.
 */
export function isModeration(error: WireObject, message: string): boolean {
  const { metadata, code, type } = error as { metadata?: unknown; code?: unknown; type?: unknown };
  if (isObject(metadata) && (Array.isArray(metadata["reasons"]) || typeof metadata["flagged_input"] === "string")) return true;
  const kind = isObject(metadata) ? metadata["error_type"] : undefined;
  if ([code, type, kind].some((word) => typeof word === "string" && codes.test(word))) return true;
  return words.test(message) && !ofAccount.test(message);
}
