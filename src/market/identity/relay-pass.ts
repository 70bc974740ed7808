import { passBytes } from "../wire.ts";
import { isSignedBy, type NodeKey } from "./node-key.ts";

/** How far the time of a pass may be from the relay's clock. */
const validMs = 120_000;
/** A pass is used again for this time. */
const renewMs = 60_000;

/** The passes of this node for the sellers that it calls through relays. */
export class RelayPasses {
  readonly #key: () => NodeKey;
  readonly #now: () => number;
  readonly #passes = new Map<string, { readonly text: string; readonly atMs: number }>();

  constructor(key: () => NodeKey, now: () => number) {
    this.#key = key;
    this.#now = now;
  }

  /** `TN1 node.at.sig` */
  for(seller: string): string {
    const now = this.#now();
    const known = this.#passes.get(seller);
    if (known !== undefined && Math.abs(now - known.atMs) < renewMs) return known.text;
    const key = this.#key();
    const text = `TN1 ${key.id}.${now}.${key.sign(passBytes(seller, now)).toString("base64url")}`;
    this.#passes.set(seller, { text, atMs: now });
    return text;
  }
}

/** Who has signed a pass for a seller; `undefined`: it is not one, or not of now. */
export function callerOfPass(pass: string | undefined, seller: string, nowMs: number): string | undefined {
  const [, node, at = "", sig = ""] = /^TN1 (tn1_[A-Za-z0-9_-]{43})\.(\d{1,15})\.([A-Za-z0-9_-]{86})$/.exec(pass ?? "") ?? [];
  if (node === undefined || Math.abs(Number(at) - nowMs) > validMs) return undefined;
  return isSignedBy(node, passBytes(seller, Number(at)), Buffer.from(sig, "base64url")) ? node : undefined;
}
