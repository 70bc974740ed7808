/** The id with the dialect's prefix, where it lacks one: `withPrefix("resp_", "abc")` is `resp_abc`. */
export function withPrefix(prefix: string, id: string): string {
  return id.startsWith(prefix) ? id : prefix + id;
}
