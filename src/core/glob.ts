/** A compiled pattern for model names. */
export interface Glob {
  readonly pattern: string;
  matches(name: string): boolean;
}

/**
 * Compiles a glob: `*` matches any run of characters (slashes too), `?` one character, `[a-z0-9]` one character of a class, `[!a-z]` one outside it.
 * Everything else, an unclosed `[` too, matches itself; case matters. No regular expression is made from the pattern: the matcher walks the name once
 * with a single place to go back to, so the cost is at most name × pattern.
 */
export function compileGlob(pattern: string): Glob {
  return new CompiledGlob(pattern);
}

/** Matches a name against a list in which a leading `!` excludes: at least one pattern matches and no excluded one does. */
export class GlobList {
  readonly #included: readonly Glob[];
  readonly #excluded: readonly Glob[];

  constructor(patterns: readonly string[]) {
    this.#included = patterns.filter((pattern) => !pattern.startsWith("!")).map(compileGlob);
    this.#excluded = patterns.filter((pattern) => pattern.startsWith("!")).map((pattern) => compileGlob(pattern.slice(1)));
  }

  /** The pattern that matches, or `undefined`. */
  match(name: string): string | undefined {
    const found = this.#included.find((glob) => glob.matches(name));
    if (found === undefined || this.excludes(name)) return undefined;
    return found.pattern;
  }

  /** Whether a pattern with `!` matches the name. */
  excludes(name: string): boolean {
    return this.#excluded.some((glob) => glob.matches(name));
  }
}

const anyRun = "run";
const anyOne = "one";

interface CharacterClass {
  readonly negated: boolean;
  /** Pairs of char codes: first, last, first, last, … */
  readonly ranges: readonly number[];
}

/** A number is a char code that the name must have at this position. */
type Token = number | typeof anyRun | typeof anyOne | CharacterClass;

class CompiledGlob implements Glob {
  readonly pattern: string;
  readonly #tokens: readonly Token[];

  constructor(pattern: string) {
    this.pattern = pattern;
    this.#tokens = tokenize(pattern);
  }

  matches(name: string): boolean {
    const tokens = this.#tokens;
    let at = 0;
    let token = 0;
    // Where to continue if the part after the last `*` does not match: one character further. Earlier `*` need no second look.
    let resumeAt = -1;
    let resumeToken = -1;
    while (at < name.length) {
      const wanted = tokens[token];
      if (wanted === anyRun) {
        resumeToken = ++token;
        resumeAt = at;
      } else if (wanted !== undefined && takes(wanted, name.charCodeAt(at))) {
        token++;
        at++;
      } else if (resumeToken >= 0) {
        token = resumeToken;
        at = ++resumeAt;
      } else {
        return false;
      }
    }
    while (tokens[token] === anyRun) token++;
    return token === tokens.length;
  }
}

function takes(token: Exclude<Token, typeof anyRun>, code: number): boolean {
  if (typeof token === "number") return token === code;
  if (token === anyOne) return true;
  const { ranges } = token;
  let inside = false;
  for (let i = 0; i < ranges.length; i += 2) {
    if (code >= ranges[i]! && code <= ranges[i + 1]!) inside = true;
  }
  return inside !== token.negated;
}

function tokenize(pattern: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < pattern.length) {
    const character = pattern.charAt(at);
    const close = character === "[" ? pattern.indexOf("]", at + 2) : -1;
    if (close >= 0) {
      tokens.push(readClass(pattern.slice(at + 1, close)));
      at = close + 1;
      continue;
    }
    if (character === "?") tokens.push(anyOne);
    else if (character !== "*") tokens.push(pattern.charCodeAt(at));
    else if (tokens.at(-1) !== anyRun) tokens.push(anyRun);
    at++;
  }
  return tokens;
}

/** Reads the text between the brackets: characters and ranges. */
function readClass(inner: string): CharacterClass {
  const negated = inner.startsWith("!") || inner.startsWith("^");
  const members = negated && inner.length > 1 ? inner.slice(1) : inner;
  const ranges: number[] = [];
  for (let i = 0; i < members.length; i++) {
    const first = members.charCodeAt(i);
    if (members.charAt(i + 1) === "-" && i + 2 < members.length) {
      ranges.push(first, members.charCodeAt(i + 2));
      i += 2;
    } else {
      ranges.push(first, first);
    }
  }
  return { negated: negated && inner.length > 1, ranges };
}
