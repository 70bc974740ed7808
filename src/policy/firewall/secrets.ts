import { findAccepted, isWordPart, merged, type Finder, type TextMatch } from "./text-match.ts";

/**
 * The published forms of keys, each with a beginning of its own. Lengths are bounded, and what follows is what the vendor makes keys of, so that words of
 * prose do not look like one.
 */
const forms: readonly (readonly [vendor: string, pattern: string])[] = [
  ["Anthropic", String.raw`sk-ant-[\w-]{20,200}`],
  ["OpenAI", String.raw`sk-(?:proj|svcacct|admin|None)-[\w-]{20,250}`],
  ["OpenRouter", String.raw`sk-or-v1-[\da-f]{40,64}`],
  ["OpenAI and others", String.raw`sk-[A-Za-z\d]{32,64}`],
  ["this gateway", String.raw`tok_[\w-]{16,64}`],
  ["AWS", String.raw`(?:AKIA|ASIA)[A-Z2-7]{16}`],
  ["Google", String.raw`AIza[\w-]{35}`],
  ["Google OAuth", String.raw`(?:ya29\.[\w-]{20,300}|GOCSPX-[\w-]{28})`],
  ["GitHub", String.raw`(?:gh[pousr]_[A-Za-z\d]{36,251}|github_pat_\w{60,100})`],
  ["GitLab", String.raw`gl(?:pat|ptt|dt|rt|cbt|soat|agent)-[\w-]{20,64}`],
  ["Slack", String.raw`xox[abeoprs]-[\w-]{10,200}`],
  ["Slack webhook", String.raw`https://hooks\.slack\.com/services/T\w{6,14}/B\w{6,14}/\w{20,32}`],
  ["Stripe", String.raw`(?:[rs]k_(?:live|test)_|whsec_)[A-Za-z\d]{16,99}`],
  ["npm", String.raw`npm_[A-Za-z\d]{36}`],
  ["PyPI", String.raw`pypi-AgEIcHlwaS5vcmc[\w-]{50,200}`],
  ["Hugging Face", String.raw`hf_[A-Za-z]{34}`],
  ["Groq", String.raw`gsk_[A-Za-z\d]{40,60}`],
  ["xAI", String.raw`xai-[A-Za-z\d]{60,100}`],
  ["Replicate", String.raw`r8_[A-Za-z\d]{37}`],
  ["Perplexity", String.raw`pplx-[A-Za-z\d]{40,64}`],
  ["SendGrid", String.raw`SG\.[\w-]{22}\.[\w-]{43}`],
  ["Twilio", String.raw`SK[\da-f]{32}`],
  ["Telegram", String.raw`\d{8,10}:AA[\w-]{33}`],
  ["DigitalOcean", String.raw`do[opr]_v1_[\da-f]{64}`],
  ["Databricks", String.raw`dapi[\da-f]{32}`],
  ["Vault", String.raw`hv[sbr]\.[\w-]{24,200}`],
];

/** Its parts are base64url of JSON objects. */
const jwt = String.raw`eyJ[\w-]{10,4000}\.eyJ[\w-]{10,8000}\.[\w-]{20,1500}`;

const keys = new RegExp([...forms.map(([, pattern]) => pattern), jwt].join("|"), "g");

/** The key is a whole: no letter or digit before or after it, and it is more than one character repeated, as in examples. */
const findKeys = findAccepted(keys, (match, start, text) => {
  const end = start + match.length;
  const before = start > 0 ? text.charCodeAt(start - 1) : 32;
  if (isWordPart(before) || before === 45 || (end < text.length && isWordPart(text.charCodeAt(end)))) return false;
  return new Set(match.slice(8)).size > 5;
});

const begin = /-----BEGIN (?:[A-Z\d]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----/g;
/** A key of RSA with 16,384 bits has 12,700 characters. */
const maxPrivateKey = 16_384;

/** Private keys in PEM or of OpenPGP, to their last line, or, where that is missing, to the end of their text. */
const findPrivateKeys: Finder = (text) => {
  const found: TextMatch[] = [];
  let free = 0;
  for (const { 0: head, index: start } of text.matchAll(begin)) {
    if (start < free) continue;
    const last = head.replace("BEGIN", "END");
    const body = text.slice(start + head.length, start + head.length + maxPrivateKey);
    const at = body.indexOf(last);
    const end =
      at === -1 ? start + head.length + /^(?:\\[nr]|[\s\w+/=:,-])*/.exec(body)![0].length : start + head.length + at + last.length;
    found.push({ start, end });
    free = end;
  }
  return found;
};

/** Keys of vendors, tokens, and private keys. */
export const findSecrets: Finder = (text) => {
  const found = findKeys(text);
  // A key inside a private key is part of it.
  return text.includes("-----BEGIN ") ? merged(findPrivateKeys(text), found) : found;
};
