import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../core/index.ts";
import { openUpgraded } from "../../upstream/index.ts";
import { createMarketListener } from "./listener.ts";

test("an address asks for a limited number of connections to a relay in a second, and a node without a relay for none", async () => {
  const outcomes: string[] = [];
  const relay = {
    mostConnections: 1,
    attach: (_request: unknown, socket: { end(text: string): void }) => socket.end("HTTP/1.1 404 No\r\n\r\n"),
  };
  for (const hasRelay of [true, false]) {
    const deps = { api: {}, logger: silentLogger, now: () => 0, maxBodyBytes: () => 1, callsPerSecond: () => 2 };
    const listener = createMarketListener({ ...deps, ...(hasRelay ? { relay } : {}) } as never);
    const port = await listener.listen("127.0.0.1", 0);
    for (let count = 0; count < 3; count++) {
      const url = `http://127.0.0.1:${port}/market/v1/relay/x`;
      const asked = openUpgraded({ url, protocol: "tokligence-relay/1", headers: {}, timeoutMs: 5000 });
      outcomes.push(
        await asked.then(
          () => "upgraded",
          (error: Error) => error.name,
        ),
      );
    }
    await listener.close();
  }
  assert.deepEqual(outcomes, ["UpgradeRefused", "UpgradeRefused", "Error", "Error", "Error", "Error"]);
});
