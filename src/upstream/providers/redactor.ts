import type { ProviderSettings } from "./build-providers.ts";
import type { Provider } from "../types.ts";

/** Shorter secrets are words and versions: removing them would damage texts and hide nothing. */
export const shortestSecret = 8;

/** The maximum length of an upstream's text, unless the caller gives another one. */
const maxTextLength = 2_000;
const masked = "[secret]";

/** The configured secrets of a provider. */
type WithSecrets = Pick<ProviderSettings, "keys" | "headers" | "query">;

/**
 * Removes secrets from every text of an upstream before it reaches a client, the log, the ledger or a metric: error messages, types and codes, header
 * values, request ids, model names. Some servers repeat the key that they refuse, or the whole request.
 */
export class Redactor {
  readonly #patterns = new WeakMap<Provider, SecretPattern>();

  /** The text without the secrets of its provider, in any of the forms of `secretForms`, truncated to `maxLength` characters. */
  text(text: string, provider: Provider, maxLength = maxTextLength): string {
    // Secrets first: the truncation could leave half a secret, which would not be found.
    const clean = this.whole(text, provider);
    return clean.length > maxLength ? `${clean.slice(0, maxLength)}…` : clean;
  }

  /** The same without a limit, for texts that must stay complete: a JSON document, an event of a stream. */
  whole(text: string, provider: Provider): string {
    const { pattern, shortest } = this.#patternOf(provider);
    // Most header values are shorter than any key.
    return text.length < shortest ? text : text.replace(pattern, masked);
  }

  #patternOf(provider: Provider): SecretPattern {
    const known = this.#patterns.get(provider);
    if (known !== undefined) return known;
    const pattern = patternOf(
      secretsOf({ keys: provider.keys.map(({ secret }) => secret), headers: provider.headers, query: provider.query }),
    );
    this.#patterns.set(provider, pattern);
    return pattern;
  }
}

/** Matches every form of every secret of a provider; `shortest`: characters of the shortest form. */
interface SecretPattern {
  readonly pattern: RegExp;
  readonly shortest: number;
}

function patternOf(secrets: readonly string[]): SecretPattern {
  // The longest first, so that a whole is found before its part. Percent-encoding may be in capitals or not.
  const forms = [...new Set(secrets.flatMap((secret) => [...secretForms(secret)]))].toSorted((one, other) => other.length - one.length);
  const pattern = new RegExp(forms.map((form) => RegExp.escape(form)).join("|"), "gi");
  return { pattern, shortest: forms.at(-1)?.length ?? Number.POSITIVE_INFINITY };
}

/**
 * The secrets in the requests to a provider: keys, and the values of configured headers and query parameters. If a value has a scheme (`Bearer …`,
 * `Basic …`), also the text after the scheme, and the password of `Basic`.
 */
export function secretsOf({ keys, headers = [], query = [] }: WithSecrets): readonly string[] {
  const all = [
    ...keys.map((key) => key.reveal()),
    ...headers.flatMap(([, value]) => headerSecrets(value)),
    ...query.map(([, value]) => value),
  ];
  return [...new Set(all)].filter((secret) => secret.length >= shortestSecret);
}

function headerSecrets(value: string): readonly string[] {
  const [, scheme, credentials] = /^(\S+) +(\S+)$/.exec(value) ?? [];
  if (scheme === undefined || credentials === undefined) return [value];
  if (scheme.toLowerCase() !== "basic") return [value, credentials];
  const pair = Buffer.from(credentials, "base64").toString("latin1");
  return [value, credentials, pair, pair.slice(pair.indexOf(":") + 1)];
}

/** A secret in plain text, as JSON (also JSON in JSON), percent-encoded as in a URL or a form, and in base64, alone or within a longer text. */
export function secretForms(secret: string): ReadonlySet<string> {
  const inner = JSON.stringify(secret).slice(1, -1);
  const ascii = inner.replaceAll(/[\u0080-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
  // UTF-8 texts are also stored as latin1 strings of their bytes.
  const bytes = Buffer.from(secret, "utf8").toString("latin1");
  const forms = new Set([secret, bytes, inner, JSON.stringify(inner).slice(1, -1), ascii, ascii.replaceAll("/", "\\/")]);
  const url = encodeURIComponent(secret);
  // Some encoders encode less, some more: `encodeURI`, a form's `+` for a space, `!'()*` too.
  for (const form of [url, encodeURI(secret), url.replaceAll("%20", "+"), url.replaceAll(/[!'()*]/g, percent)]) forms.add(form);
  // A header is sent as latin1, so its bytes may be encoded in that form.
  for (const encoding of ["utf8", "latin1"] as const) for (const form of base64Forms(Buffer.from(secret, encoding))) forms.add(form);
  return new Set([...forms].filter((form) => form.length >= shortestSecret));
}

function percent(char: string): string {
  return `%${char.charCodeAt(0).toString(16)}`;
}

/**
 * Base64, and its URL form, of bytes that begin at any of the three positions in a group of three, without the characters that also depend on
 * neighbouring bytes.
 */
function base64Forms(bytes: Buffer): readonly string[] {
  const forms = [bytes.toString("base64"), bytes.toString("base64").replace(/=+$/, "")];
  for (const before of [0, 1, 2]) {
    const text = Buffer.concat([Buffer.alloc(before), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    const whole = Math.floor(((before + bytes.length) * 8) / 6);
    forms.push(text.slice(Math.ceil((before * 8) / 6), whole));
  }
  return forms.flatMap((form) => [form, form.replaceAll("+", "-").replaceAll("/", "_")]);
}
