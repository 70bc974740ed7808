/** Returns the id with the dialect's prefix, added if it is missing: `withPrefix("resp_", "abc")` is `resp_abc`. */
export function withPrefix(prefix: string, id: string): string {
  return id.startsWith(prefix) ? id : prefix + id;
}
