import { GatewayError } from "./errors.ts";
import { hasGatewayKey } from "./gateway-key.ts";
import { isTag, tagForm } from "./tags.ts";

/** What a budget or a limit is for. */
export const subjectKinds = ["user", "key", "tag", "model", "provider"] as const;
export type SubjectKind = (typeof subjectKinds)[number];

/**
 * One user, key, tag or provider, or the models of a pattern. As text: `alice`, `key_…`, `tag:team:search`, `model:gpt-*`, `provider:openai`.
 */
export interface Subject {
  readonly kind: SubjectKind;
  /** Of a user: its id or name; of a key: its id or prefix; of models: a pattern; else the tag or the provider's name. */
  readonly name: string;
}

const forms = "a user (alice), a key (key_… or tok_…), tag:team:search, model:gpt-* or provider:openai";
const providerPattern = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const userPattern = /^[A-Za-z0-9._@-]{1,64}$/;
const maxModelLength = 256;

/** @param param the field that the error names. @throws GatewayError `invalid_request` that names the forms. */
export function parseSubject(text: string, param = "subject"): Subject {
  const refuse = (problem: string): GatewayError => new GatewayError("invalid_request", problem, { param });
  if (hasGatewayKey(text))
    throw refuse("This is an API key itself. Name it by its id (key_…) or by its first eight characters (tok_ab12).");
  const colon = text.indexOf(":");
  if (colon < 0) {
    if (!userPattern.test(text)) throw refuse(`Say what it is for: ${forms}.`);
    return { kind: /^(?:key|tok)_/.test(text) ? "key" : "user", name: text };
  }
  const [prefix, name] = [text.slice(0, colon), text.slice(colon + 1)];
  if (prefix === "tag") {
    if (!isTag(name)) throw refuse(`"tag:" is followed by one tag, as in tag:team:search: ${tagForm}.`);
    return { kind: "tag", name };
  }
  if (prefix === "model") {
    if (!isModelPattern(name)) throw refuse(`"model:" is followed by a model or a pattern, as in model:gpt-* or model:openai/gpt-5.`);
    return { kind: "model", name };
  }
  if (prefix === "provider") {
    if (!providerPattern.test(name)) throw refuse(`"provider:" is followed by the name of one provider, as in provider:openai.`);
    return { kind: "provider", name };
  }
  const tag = isTag(text) ? ` If "${text}" is a tag, write tag:${text}.` : "";
  throw refuse(`Nothing begins with "${prefix.slice(0, 20)}:". Write ${forms}.${tag}`);
}

/** The text that `parseSubject` reads. */
export function printSubject({ kind, name }: Subject): string {
  return kind === "user" || kind === "key" ? name : `${kind}:${name}`;
}

function isModelPattern(name: string): boolean {
  // oxlint-disable-next-line no-control-regex -- they are what is refused
  return name !== "" && name.length <= maxModelLength && !name.startsWith("!") && !/[\s\u0000-\u001f\u007f]/.test(name);
}
