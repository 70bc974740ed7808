import type { StoredStatus } from "./response-chain.ts";

/** Who a response belongs to, and which provider made it. */
export interface ResponseOwner {
  readonly id: string;
  readonly userId: string;
  /** Who made it. */
  readonly provider: string;
  /** Id of the provider's key that was used. */
  readonly providerKey: string;
  /** The model's name as the client sent it. */
  readonly model: string;
  /** The originals of the placeholders in it, sealed; omitted if it has none. */
  readonly placeholders?: string;
}

/** The parts of a response that the gateway stores itself. */
export interface ResponseBody {
  readonly status: StoredStatus;
  readonly background: boolean;
  readonly previousId: string | undefined;
  /** The response's own input items, a JSON array. */
  readonly input: string;
  /** The response object, JSON. */
  readonly response: string;
}
