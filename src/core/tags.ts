/** Limits for the names that a client gives a request, to find its usage by. */
export const tagLimits = { count: 8, length: 64 } as const;

/**
 * The characters of names, paths, versions and `team:search`. ASCII only, as other bytes of a header have no defined meaning (RFC 9110, section 5.5).
 */
const tagPattern = /^[A-Za-z0-9][A-Za-z0-9._:/@-]*$/;

/** What a tag looks like, for messages. */
export const tagForm = "a tag is made of ASCII letters, digits and . _ : / @ -, and begins with a letter or a digit";

export function isTag(text: string): boolean {
  return text.length <= tagLimits.length && tagPattern.test(text);
}

export type ParsedTags = { readonly tags: readonly string[] } | { readonly problem: string };

/**
 * Reads a list as in `team:search, release/2026-01`: trimmed, without repeats, in the given order; empty entries are skipped.
 * @returns a description of the problem if there are too many tags, or if one is too long or has other characters.
 */
export function parseTags(list: string): ParsedTags {
  const tags = new Set<string>();
  for (const part of list.split(",")) {
    const tag = part.trim();
    if (tag === "") continue;
    if (tag.length > tagLimits.length) return { problem: `a tag has at most ${tagLimits.length} characters` };
    if (!tagPattern.test(tag)) return { problem: tagForm };
    tags.add(tag);
    if (tags.size > tagLimits.count) return { problem: `a request has at most ${tagLimits.count} tags` };
  }
  return { tags: [...tags] };
}

/** The form that an entry stores; `undefined` if there are no tags. */
export function writeTags(tags: readonly string[]): string | undefined {
  return tags.length === 0 ? undefined : JSON.stringify(tags);
}

/** An entry's tags. */
export function readTags(text: string | null): readonly string[] {
  return text === null ? [] : (JSON.parse(text) as readonly string[]);
}
