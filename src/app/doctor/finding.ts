/** What the doctor found of one thing. `info`: neither good nor bad. */
export interface Finding {
  readonly name: string;
  readonly state: "ok" | "info" | "warning" | "problem";
  readonly message: string;
  /** The command, or the setting, that mends it. */
  readonly remedy?: string;
}

export const fine = (name: string, message: string): Finding => ({ name, state: "ok", message });
export const warning = (name: string, message: string, remedy?: string): Finding => ({
  name,
  state: "warning",
  message,
  ...(remedy === undefined ? {} : { remedy }),
});
export const problem = (name: string, message: string, remedy: string): Finding => ({ name, state: "problem", message, remedy });
