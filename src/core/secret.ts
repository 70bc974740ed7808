import { inspect } from "node:util";

/** What a secret prints as, everywhere. */
const masked = "[secret]";

/**
 * A secret value that prints as `[secret]` in logs, JSON, templates and the inspector. Only `reveal()` gives the value, and only code that
 * puts it on the wire to its own origin calls that.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return masked;
  }

  toJSON(): string {
    return masked;
  }

  [inspect.custom](): string {
    return masked;
  }
}
