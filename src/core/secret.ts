import { inspect } from "node:util";

/** What every secret prints as. */
const masked = "[secret]";

/**
 * A secret value that prints as `[secret]` in logs, JSON, templates and the inspector. Only `reveal()` returns the value, and only the code that
 * sends it to its own origin calls it.
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
