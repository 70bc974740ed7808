/**
 * Whether a provider is another gateway of the market: `@bob`. Only a name with this prefix, or an alias to it, leads there, so that no request leaves
 * for another gateway because that one offers a model of the same name.
 */
export function isMarketProvider(name: string): boolean {
  return name.startsWith("@");
}
