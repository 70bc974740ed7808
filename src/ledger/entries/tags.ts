/** Names that a client puts on a request, to find its usage by. */
export const tagLimits = { count: 8, length: 64 } as const;

/** What names, paths, versions and `team:search` are made of. ASCII, as a header's other bytes mean nothing certain (RFC 9110, section 5.5). */
const tagPattern = /^[A-Za-z0-9][A-Za-z0-9._:/@-]*$/;

export type ParsedTags = { readonly tags: readonly string[] } | { readonly problem: string };

/**
 * Reads a list as in `team:search, release/2026-01`: trimmed, each once, in the order given; empty places are skipped.
 * @returns what is wrong with it in words where there are too many, one is too long, or one has other characters.
 */
export function parseTags(list: string): ParsedTags {
  const tags = new Set<string>();
  for (const part of list.split(",")) {
    const tag = part.trim();
    if (tag === "") continue;
    if (tag.length > tagLimits.length) return { problem: `a tag has at most ${tagLimits.length} characters` };
    if (!tagPattern.test(tag))
      return { problem: "a tag is made of ASCII letters, digits and . _ : / @ -, and begins with a letter or a digit" };
    tags.add(tag);
    if (tags.size > tagLimits.count) return { problem: `a request has at most ${tagLimits.count} tags` };
  }
  return { tags: [...tags] };
}

/** As an entry holds them: `undefined` for none. */
export function writeTags(tags: readonly string[]): string | undefined {
  return tags.length === 0 ? undefined : JSON.stringify(tags);
}

/** An entry's tags. */
export function readTags(text: string | null): readonly string[] {
  return text === null ? [] : (JSON.parse(text) as readonly string[]);
}
