import type { ServerResponse } from "node:http";
import { SlotList, type Slotted } from "../../core/index.ts";

/** After the grace, the last errors to clients have this time to leave. */
const lastWordsMs = 200;

interface Listed extends Slotted {
  readonly response: ServerResponse;
}

/** The answers that are active on servers of the host program: there are no listening sockets whose end could be waited for. */
export class HostedRequests {
  readonly #active = new SlotList<Listed>();
  #idle: (() => void)[] = [];

  add(response: ServerResponse): void {
    const listed = { response, slot: -1 };
    this.#active.add(listed);
    response.once("close", () => {
      this.#active.delete(listed);
      if (this.#active.size > 0) return;
      for (const resolve of this.#idle) resolve();
      this.#idle = [];
    });
  }

  /** Resolves when the last answer has ended. After `graceMs` it calls `onGraceOver`, and soon afterwards cuts the rest. */
  async close(graceMs: number, onGraceOver: () => void): Promise<void> {
    if (this.#active.size === 0) return;
    let cut: NodeJS.Timeout | undefined;
    const grace = setTimeout(() => {
      onGraceOver();
      cut = setTimeout(() => {
        this.#active.forEach(({ response }) => response.destroy());
      }, lastWordsMs);
    }, graceMs);
    await new Promise<void>((resolve) => this.#idle.push(resolve));
    clearTimeout(grace);
    clearTimeout(cut);
  }
}
