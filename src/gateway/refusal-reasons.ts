/** Stop reasons of the protocols that say that a model, or its provider, refused to answer. */
const refusals: ReadonlySet<string> = new Set([
  "refusal",
  "content_filter",
  "safety",
  "prohibited_content",
  "blocklist",
  "spii",
  "recitation",
  "image_safety",
  "image_prohibited_content",
]);

/** The stop reason says so. */
export function isRefusal(reason: string | undefined): boolean {
  return reason !== undefined && refusals.has(reason.toLowerCase());
}
