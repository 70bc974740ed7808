import type { RotatedAuditKey } from "../../audit/index.ts";
import type { HandlersOf } from "./contracts/contract.ts";
import type { secretsContracts } from "./contracts/secrets.ts";

export interface SecretsDeps {
  readonly rotateSealingKey: () => Promise<{ readonly id: number; readonly sealsFromMs: number }>;
  /** `undefined`: the trail is off. */
  readonly rotateAuditKey: () => Promise<RotatedAuditKey | undefined>;
}

export function secretsHandlers({ rotateSealingKey, rotateAuditKey }: SecretsDeps): HandlersOf<typeof secretsContracts> {
  return {
    "secrets.rotate": async ({ body: { only } }) => {
      const sealing = only === "audit" ? undefined : await rotateSealingKey();
      const audit = only === "sealing" ? undefined : await rotateAuditKey();
      return {
        sealing: sealing === undefined ? null : { key: sealing.id, seals_from: new Date(sealing.sealsFromMs).toISOString() },
        audit: audit === undefined ? null : { public_key: audit.publicKey, previous: audit.previous },
      };
    },
  };
}
