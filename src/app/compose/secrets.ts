import { randomBytes } from "node:crypto";
import type { Clock } from "../../core/index.ts";
import type { SecretsDeps } from "../../server/index.ts";
import { addInstallationKey, type Store } from "../../store/index.ts";
import type { Audit } from "./audit.ts";

interface SecretsOptions {
  readonly clock: Clock;
  /** This process learns of a new key at once, the others within a second or two. */
  readonly onSealingKey?: () => Promise<void>;
}

/** How the secrets of an installation are replaced. */
export function composeSecrets(store: Store, audit: Pick<Audit, "rotateKey">, { clock, onSealingKey }: SecretsOptions): SecretsDeps {
  return {
    async rotateSealingKey() {
      const made = await addInstallationKey(store, clock, randomBytes);
      await onSealingKey?.();
      return made;
    },
    rotateAuditKey: () => audit.rotateKey(),
  };
}
