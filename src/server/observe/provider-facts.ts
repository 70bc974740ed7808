import type { BlockKind, ProviderState } from "../../upstream/index.ts";

/** A key of a provider that is left alone at the moment, in this process or in another one. */
export interface KeyBlock {
  readonly provider: string;
  readonly keyId: string;
  readonly block: BlockKind;
  readonly leftMs: number;
}

/** What requests and probes have shown of providers and their keys, in all processes. */
export interface ProviderFacts {
  readonly providers: readonly ProviderState[];
  readonly keys: readonly ProviderState[];
  readonly blocks: readonly KeyBlock[];
}
