import type { HeldStatus } from "./response-chain.ts";

/** Whose a response is, and where it lies. */
export interface ResponseOwner {
  readonly id: string;
  readonly userId: string;
  /** Who made it. */
  readonly provider: string;
  /** Id of the provider's key that made it. */
  readonly providerKey: string;
  /** As the client named it. */
  readonly model: string;
}

/** What the gateway keeps of a response itself. */
export interface ResponseBody {
  readonly status: HeldStatus;
  readonly background: boolean;
  readonly previousId: string | undefined;
  /** Its own input items, a JSON array. */
  readonly input: string;
  /** The response object, JSON. */
  readonly response: string;
}
