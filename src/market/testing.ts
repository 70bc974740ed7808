import { readFileSync } from "node:fs";

const text = readFileSync(new URL("fixtures/market-vectors.json", import.meta.url), "utf8");

interface Vectors {
  readonly seeds: Readonly<Record<"seller" | "buyer" | "exchange" | "seller sealing key", string>>;
  readonly nodes: Readonly<Record<"seller" | "buyer" | "exchange", string>>;
  readonly documents: Readonly<
    Record<
      string,
      {
        readonly signer: "seller" | "buyer" | "exchange";
        readonly document: { readonly type: string; readonly body: Readonly<Record<string, unknown>>; readonly sig: string };
        readonly canonical: string;
        readonly hash: string;
        readonly bytes: number;
      }
    >
  >;
  readonly account_entry: {
    readonly previous_head: string;
    readonly entry: {
      readonly seq: number;
      readonly at: number;
      readonly kind: "pay";
      readonly lease: string;
      readonly amount: string;
      readonly balance: string;
    };
    readonly canonical: string;
    readonly head: string;
  };
  readonly sealing: {
    readonly kid: string;
    readonly lease: string;
    readonly enc: string;
    readonly lease_secret: string;
    readonly frames: Readonly<Record<"request" | "answer", readonly VectorFrame[]>>;
  };
  readonly relay: {
    readonly call: {
      readonly kid: string;
      /** `wire`: base64. */
      readonly request: { readonly method: "GET" | "POST"; readonly path: string; readonly text: string; readonly wire: string };
      readonly answer: { readonly status: number; readonly text: string; readonly wire: string };
    };
    readonly pass: { readonly seller: string; readonly at: number; readonly text: string };
    readonly answer: { readonly authorization: string; readonly url: string; readonly sig: string };
  };
  readonly costs: readonly {
    readonly price: { readonly input: string; readonly output: string; readonly cache_read: string };
    readonly usage: { readonly input: number; readonly cache_read: number; readonly output: number; readonly reasoning?: number };
    readonly nano: string;
  }[];
  readonly canonical: readonly { readonly value: unknown; readonly text: string }[];
  readonly refused: readonly string[];
  /** What each field of a body is, by type, in words; `rules` of all. */
  readonly fields: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly note: string;
  readonly clearing_run: { readonly fee_ppm: string; readonly steps: readonly ClearingStep[] };
}

export interface VectorFrame {
  readonly type: number;
  readonly counter: number;
  readonly plain: string;
  readonly frame: string;
}

/** Amounts are decimal strings. */
export type ClearingStepOperation = { readonly kind: string; readonly judged?: readonly JudgedVector[] } & {
  readonly [K in "id" | "buyer" | "seller" | "owner" | "amount" | "hold" | "cum" | "ceiling" | "acked" | "feePpm"]?: string;
} & { readonly [K in "window" | "settleBy" | "gap"]?: number };

export interface JudgedVector {
  readonly cost: string;
  readonly cum: string;
  readonly right: boolean;
}

export interface ClearingStep {
  readonly now: number;
  readonly op: ClearingStepOperation;
  readonly result: string;
  readonly accounts: Readonly<Record<string, { readonly balance: string; readonly held: string }>>;
}

/** Signed documents, frames, costs and a run of a clearing, which every implementation of the market must reproduce. */
export const vectors = JSON.parse(text) as Vectors;
