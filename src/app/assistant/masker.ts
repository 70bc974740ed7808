import { maskGatewayKeys } from "../../core/index.ts";
import { secretForms, shortestSecret } from "../../upstream/index.ts";

/** What is written in place of a secret. */
const masked = "[secret]";

/**
 * The forms of keys that vendors give out, and what programs send as a secret. Of these forms the last group is all of the secret.
 * Sources: the vendors' pages on keys, and the rules of gitleaks (github.com/gitleaks/gitleaks, November 2026).
 */
const keyForms: readonly RegExp[] = [
  /\bsk-[\w-]{12,}/g,
  /\bAIza[\w-]{12,}/g,
  /\b(?:gsk|xai|pplx|csk|nvapi|r8|hf|fw|tgp_v1|lin_api|glpat|dapi)[_-][A-Za-z0-9_-]{16,}/g,
  /\bgh[pousr]_\w{20,}/g,
  /\bgithub_pat_\w{20,}/g,
  /\bxox[abeprs]-[\w-]{10,}/g,
  /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g,
  /\bya29\.[\w-]{16,}/g,
  /\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}/g,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  /(?<=\bbearer\s+)[\w.~+/=-]{16,}/gi,
  /(?<=:\/\/[^\s:/@]{1,100}:)[^\s@/]{3,}(?=@)/g,
];

/** A placeholder for a secret that the user typed. */
const placeholderForm = /\{\{secret_\d+\}\}/g;

/** Removes secrets from texts, and stores those that the user types. */
export interface Masker {
  /** The text without secrets: keys by their form, and every known secret in any encoding. */
  mask(text: string): string;
  /** What the user typed, with a placeholder in place of each key: `{{secret_1}}`. */
  take(text: string): string;
  /** A value with the secrets behind its placeholders. @throws Error for a placeholder that stands for nothing. */
  fill(value: string): string;
  /** Adds a secret that became known. */
  learn(secret: string): void;
}

export function createMasker(secrets: Iterable<string>): Masker {
  const known = new Set([...secrets].filter((secret) => secret.length >= shortestSecret));
  const typed: string[] = [];
  let pattern = patternOf(known);
  const learn = (secret: string): void => {
    if (secret.length < shortestSecret || known.has(secret)) return;
    known.add(secret);
    pattern = patternOf(known);
  };
  const mask = (text: string): string => {
    let result = pattern === undefined ? text : text.replace(pattern, masked);
    result = maskGatewayKeys(result);
    for (const form of keyForms) result = result.replace(form, masked);
    return result;
  };
  return {
    mask,
    take(text) {
      let result = text;
      for (const form of [/\btok_[\w-]{16,}/g, ...keyForms]) {
        result = result.replace(form, (secret) => {
          learn(secret);
          if (!typed.includes(secret)) typed.push(secret);
          return `{{secret_${typed.indexOf(secret) + 1}}}`;
        });
      }
      return mask(result);
    },
    fill: (value) =>
      value.replace(placeholderForm, (placeholder) => {
        const secret = typed[Number(/\d+/.exec(placeholder)![0]) - 1];
        if (secret === undefined) throw new Error(`${placeholder} stands for no secret. The user has typed ${typed.length} secrets.`);
        return secret;
      }),
    learn,
  };
}

/** The longest first, so that a whole secret is found before a part of it. */
function patternOf(secrets: ReadonlySet<string>): RegExp | undefined {
  const forms = [...new Set([...secrets].flatMap((secret) => [...secretForms(secret)]))].toSorted((a, b) => b.length - a.length);
  return forms.length === 0 ? undefined : new RegExp(forms.map((form) => RegExp.escape(form)).join("|"), "gi");
}

/** Names of environment variables whose values are secrets. */
const secretNames = /(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$/;
/** Shorter values, and paths, are settings of such a name. */
const shortestVariable = 12;

/** Secrets of the environment of this process. */
export function environmentSecrets(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(env).flatMap(([name, value]) =>
    value !== undefined && value.length >= shortestVariable && !/^[./~]/.test(value) && secretNames.test(name) ? [value] : [],
  );
}
