import type { AdminClient } from "../../server/index.ts";
import type { Admin } from "../admin.ts";
import { isNobodyThere } from "../control-client.ts";

/** An admin API that goes on when the gateway of this machine is started or stopped during a conversation. */
export interface ReopeningAdmin extends Admin {
  /** The gateway was started or stopped: finds out anew where the API is. */
  reopen(): Promise<void>;
}

export function createReopeningAdmin(first: Admin, open: () => Promise<Admin>): ReopeningAdmin {
  let admin = first;
  const reopen = async (): Promise<void> => {
    const former = admin;
    admin = await open();
    await former.close();
  };
  const call = async (...args: Parameters<AdminClient>): Promise<unknown> => {
    try {
      return await (admin.call as (...args: unknown[]) => Promise<unknown>)(...args);
    } catch (error) {
      // The gateway whose socket it was has ended.
      if (!isNobodyThere(error)) throw error;
      await reopen();
      return await (admin.call as (...args: unknown[]) => Promise<unknown>)(...args);
    }
  };
  return { call: call as AdminClient, reopen, close: () => admin.close() };
}
