import { GatewayError, skipSpace, skipValue, utf8OfLatin1, type Span, type Bytes, asBytes } from "../../core/index.ts";

/** A model that a body names beside the one that the request is for. */
export interface NamedModel {
  readonly name: string;
  /** The member that names it, as sent. */
  readonly member: string;
}

/** What the conversation is in. Only the tools that are defined inside it are read by vendors as part of the request. */
const conversations: ReadonlySet<string> = new Set(["messages", "contents", "input", "system", "systeminstruction", "instructions"]);
const toolDefinitions: ReadonlySet<string> = new Set(["tool", "tools", "toolchanges"]);

/** Free values of clients and models, and schemas: what they contain is no part of the request. */
const opaque: ReadonlySet<string> = new Set(
  (
    "metadata labels input arguments args inputschema outputschema jsonschema schema responseschema responsejsonschema parametersjsonschema " +
    "properties patternproperties $defs definitions dependentrequired default examples enum"
  ).split(" "),
);

/** Members with shorter names are none of the above; longer ones are read by no vendor. */
const shortestName = 4;
const longestName = 256;

const quote = 0x22;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const comma = 0x2c;
const colon = 0x3a;

/**
 * Finds the models that a body names anywhere: `models`, `fallbacks`, `fallback_model`, tools with a model of their own
 * (`{"type":"advisor_20260301","model":…}`, `{"type":"image_generation","model":…}`), options of plugins, and `model` in another case, as some servers
 * read names of members without case. A repeated member counts each time, as servers differ in which one they read.
 *
 * One pass over the text; `body` is latin1, and its brackets are known to match.
 * @param known places of the model that the request is for; they are left out.
 * @throws GatewayError `invalid_json`.
 */
export function readNamedModels(body: string, known: readonly (Span | undefined)[]): readonly NamedModel[] {
  const reader = new NameReader(body, new Set(known.map((span) => span?.start)));
  reader.read();
  return reader.found;
}

/** How the members of a value are read. */
interface Place {
  readonly depth: number;
  /** Names of models count here. */
  readonly counts: boolean;
  /** Strings of this value, and of arrays in it, are names of models: it is the value of this member. */
  readonly names?: string;
  /** Arrays of strings in the members of this object are names of models: `{"gpt-5": ["gpt-5-mini"]}`. */
  readonly lists?: boolean;
}

interface MemberName {
  /** As sent. */
  readonly member: string;
  /** Folded. */
  readonly name: string;
}

/** Names that are kept while a body is read. */
const mostNames = 1000;

class NameReader {
  readonly found: NamedModel[] = [];
  readonly #text: string;
  readonly #known: ReadonlySet<number | undefined>;
  readonly #names = new Map<string, MemberName>();
  #at = 0;
  /** OpenRouter's `"route": "fallback"`: if there is no list of `models`, it chooses one itself. */
  #vendorChooses = false;

  constructor(text: string, known: ReadonlySet<number | undefined>) {
    this.#text = text;
    this.#known = known;
  }

  read(): void {
    this.#at = skipSpace(this.#text, this.#text.startsWith("\u00ef\u00bb\u00bf") ? 3 : 0);
    this.#value({ depth: 0, counts: true });
    if (this.#vendorChooses && !this.found.some(({ member }) => member === "models"))
      this.found.push({ name: "fallback", member: "route" });
  }

  #value(place: Place): void {
    const text = this.#text;
    const first = text.charCodeAt(this.#at);
    if (first === openBrace) {
      this.#object(place);
    } else if (first === openBracket) {
      this.#array(place);
    } else {
      const start = this.#at;
      this.#at = skipValue(text, start);
      if (first !== quote || place.names === undefined || this.#known.has(start)) return;
      this.found.push({ name: decode(asBytes(text.slice(start, this.#at))), member: place.names });
    }
  }

  #array(place: Place): void {
    const text = this.#text;
    this.#at = skipSpace(text, this.#at + 1);
    if (text.charCodeAt(this.#at) === closeBracket) {
      this.#at++;
      return;
    }
    for (;;) {
      this.#value(place);
      if (!this.#goesOn(closeBracket)) return;
    }
  }

  #object(place: Place): void {
    const text = this.#text;
    this.#at = skipSpace(text, this.#at + 1);
    if (text.charCodeAt(this.#at) === closeBrace) {
      this.#at++;
      return;
    }
    for (;;) {
      if (text.charCodeAt(this.#at) !== quote) throw invalid(this.#at);
      const start = this.#at;
      const end = skipValue(text, start);
      this.#at = skipSpace(text, end);
      if (text.charCodeAt(this.#at) !== colon) throw invalid(this.#at);
      this.#at = skipSpace(text, this.#at + 1);
      this.#member(start, end, place);
      if (!this.#goesOn(closeBrace)) return;
    }
  }

  #member(start: number, end: number, place: Place): void {
    const text = this.#text;
    const depth = place.depth + 1;
    const length = end - start - 2;
    const isList = place.lists === true && text.charCodeAt(this.#at) === openBracket;
    if (length < shortestName || length > longestName) {
      this.#value(
        isList ? { depth, counts: place.counts, names: decode(asBytes(text.slice(start, end))) } : { depth, counts: place.counts },
      );
      return;
    }
    const { member, name } = this.#nameOf(text.slice(start, end));
    if (depth === 1 && conversations.has(name)) {
      this.#value({ depth, counts: false });
    } else if (opaque.has(name)) {
      this.#at = skipValue(text, this.#at);
    } else if (!place.counts) {
      this.#value({ depth, counts: toolDefinitions.has(name) });
    } else if (depth === 1 && name === "route") {
      this.#vendorChooses ||= text.startsWith('"fallback"', this.#at);
      this.#value({ depth, counts: true });
    } else if (name.includes("fallback")) {
      this.#value({ depth, counts: true, names: member, lists: true });
    } else {
      this.#value(isList || namesModels(name) ? { depth, counts: true, names: member } : { depth, counts: true });
    }
  }

  /** Bodies repeat a few names many times. */
  #nameOf(quoted: string): MemberName {
    const known = this.#names.get(quoted);
    if (known !== undefined) return known;
    const member = decode(asBytes(quoted));
    const made = { member, name: fold(member) };
    if (this.#names.size < mostNames) this.#names.set(quoted, made);
    return made;
  }

  /** After a value: whether another one follows. */
  #goesOn(closer: number): boolean {
    this.#at = skipSpace(this.#text, this.#at);
    const code = this.#text.charCodeAt(this.#at);
    if (code !== comma && code !== closer) throw invalid(this.#at);
    this.#at = code === comma ? skipSpace(this.#text, this.#at + 1) : this.#at + 1;
    return code === comma;
  }
}

/** `model`, `models`, `allowed_models`, `baseModel`, `model_id`, `modelName`, … */
function namesModels(name: string): boolean {
  return /model(?:id|name)?s?$/.test(name);
}

/** As servers that ignore case compare names: with `_` and `-` taken out, so that one word covers all spellings. */
function fold(member: string): string {
  return member.normalize("NFKC").toLowerCase().replace(/[_-]/g, "");
}

/** The text of a quoted latin1 string of UTF-8. */
function decode(quoted: Bytes): string {
  const text = utf8OfLatin1(quoted);
  if (!text.includes("\\")) return text.slice(1, -1);
  try {
    return JSON.parse(text) as string;
  } catch {
    throw new GatewayError("invalid_json", "The body is not valid JSON: a string has an escape that does not exist.");
  }
}

function invalid(at: number): GatewayError {
  return new GatewayError("invalid_json", `The body is not valid JSON: unexpected character at byte ${at}.`);
}
