import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { waitUntil } from "../../../tests/testbed/wait-until.ts";
import { gatewayEntry } from "../../audit/index.ts";
import { Secret, silentLogger, type Logger } from "../../core/index.ts";
import { createSqliteStore } from "../../store/index.ts";
import { composeAudit } from "./audit.ts";

test("each signature is posted to the webhook; one that is refused is in the log, without the URL", async () => {
  const posted: Record<string, unknown>[] = [];
  const statuses = [200, 500];
  const hook = createServer((request, answer) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      posted.push(JSON.parse(Buffer.concat(parts).toString()) as Record<string, unknown>);
      answer.writeHead(statuses.shift() ?? 200, { "content-length": 0 }).end();
    });
  });
  hook.listen(0, "127.0.0.1");
  await once(hook, "listening");
  const folder = mkdtempSync(join(tmpdir(), "audit-compose-"));
  const at = { ms: Date.UTC(2026, 10, 29) };
  const clock = { now: () => at.ms, monotonic: () => at.ms };
  const log: string[] = [];
  const logger: Logger = { ...silentLogger, warn: (fields, message) => void log.push(`${message} ${JSON.stringify(fields)}`) };
  const store = await createSqliteStore({ path: ":memory:", clock });
  const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/head?token=hidden`;
  const section = { enabled: true, usage: false, headWebhook: new Secret(url) };
  const database = { type: "sqlite" as const, path: join(folder, "gateway.db") };
  const audit = composeAudit({ audit: section, database }, { store, clock, logger });
  try {
    for (let round = 1; round <= 2; round++) {
      audit.log!.add(gatewayEntry("something", {}));
      await audit.flush();
      at.ms += 60_000;
      await audit.log!.seal();
      await waitUntil("the signature", () => posted.length === round);
    }
    await waitUntil("the line in the log", () => log.length > 0);
    assert.deepEqual(
      posted.map(({ number, seq, head }) => [number, seq, head === audit.publishedHead()?.head]),
      [
        [1, 1, false],
        [2, 2, true],
      ],
    );
    assert.deepEqual(log, [
      'a signature of the audit trail could not be posted; the next one covers it {"error":"audit.head_webhook answered 500","number":2}',
    ]);
  } finally {
    await audit.close();
    await store.close();
    hook.close();
    rmSync(folder, { recursive: true });
  }
});
