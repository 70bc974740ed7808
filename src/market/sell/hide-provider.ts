import { Redactor, type Provider } from "../../upstream/index.ts";

const shown = "the seller's server";

/** An error as a buyer sees it: without the name of the provider that serves it, and without its address. */
export function hideProvider(text: string, { name, baseUrls }: Pick<Provider, "name" | "baseUrls">): string {
  let hidden = text.replaceAll(new RegExp(`(["'\`]?)(?<![\\w-])${escaped(name)}(?![\\w-])\\1`, "g"), shown);
  for (const url of Object.values(baseUrls)) {
    const { host, hostname } = new URL(url);
    hidden = hidden.replaceAll(host, shown).replaceAll(hostname, shown);
  }
  return hidden;
}

/** What errors say is cleaned of the provider as well; names of models and ids, which have a length of their own, stay as they are. */
export class BuyersRedactor extends Redactor {
  override text(text: string, provider: Provider, maxLength?: number): string {
    return maxLength === undefined ? hideProvider(super.text(text, provider), provider) : super.text(text, provider, maxLength);
  }
}

/** The body of an error, JSON, with all its texts hidden so. */
export function hideInError(body: string, provider: Pick<Provider, "name" | "baseUrls">): string {
  try {
    return JSON.stringify(JSON.parse(body), (_key, value: unknown) => (typeof value === "string" ? hideProvider(value, provider) : value));
  } catch {
    return body;
  }
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
