import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { auditKeyOf, openAuditKey, type AuditKey } from "./signing.ts";

/** The key in a file, which another process may replace. It is made when it is first needed. */
export class AuditKeyFile implements AuditKey {
  readonly #path: string;
  #opened: { readonly key: AuditKey; readonly stamp: string } | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** Of the file as it is now. `sign` signs with this key until `publicKey` is read again. */
  get publicKey(): string {
    if (this.#opened?.stamp !== this.#stamp()) this.#opened = this.#open();
    return this.#opened.key.publicKey;
  }

  sign(text: string): string {
    this.#opened ??= this.#open();
    return this.#opened.key.sign(text);
  }

  #open(): { readonly key: AuditKey; readonly stamp: string } {
    const key = openAuditKey(this.#path);
    return { key, stamp: this.#stamp() };
  }

  /** Writes the next key beside the file, where it waits for `replace`. */
  prepare(): AuditKey {
    const { privateKey } = generateKeyPairSync("ed25519");
    const path = this.#nextPath;
    rmSync(path, { force: true });
    const file = openSync(path, "wx", 0o600);
    try {
      writeSync(file, privateKey.export({ format: "pem", type: "pkcs8" }));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    return auditKeyOf(privateKey);
  }

  /** A key that was prepared and has not taken its place. `undefined`: there is none, or it was not written to its end. */
  prepared(): AuditKey | undefined {
    if (!existsSync(this.#nextPath)) return undefined;
    try {
      return auditKeyOf(createPrivateKey(readFileSync(this.#nextPath)));
    } catch {
      return undefined;
    }
  }

  /** The prepared key takes the place of the old one, which is gone: signatures are verified with public keys, and those are in the trail. */
  replace(): void {
    renameSync(this.#nextPath, this.#path);
  }

  get #nextPath(): string {
    return `${this.#path}.next`;
  }

  #stamp(): string {
    const stat = statSync(this.#path, { throwIfNoEntry: false });
    return stat === undefined ? "" : `${stat.ino} ${stat.mtimeMs} ${stat.size}`;
  }
}
