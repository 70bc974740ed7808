/** A pattern of the configuration, to find all its matches. @throws SyntaxError where it is no regular expression. */
export function compilePattern(pattern: string): RegExp {
  return new RegExp(pattern, "gu");
}
