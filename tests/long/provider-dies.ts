import assert from "node:assert/strict";
import { test } from "node:test";
import { MortalServer, providerDies } from "../faults/provider-dies.ts";
import { createHome } from "../process/processes.ts";
import { writeFigures } from "./figures.ts";

const perSecond = 500;
const openMs = 3000;

test("a provider that dies under 500 requests a second, with a second target: no client sees an error, and it comes back by itself", async () => {
  const [first, second] = [new MortalServer(), new MortalServer()];
  const home = await createHome();
  try {
    await Promise.all([first.start(), second.start()]);
    const provider = (name: string, { port }: MortalServer): string =>
      `  ${name}: { protocols: [openai-chat], api_key: k, base_url: "http://127.0.0.1:${port}/v1" }\n`;
    await home.writeConfig(
      `providers:\n${provider("one", first)}${provider("two", second)}model_provider_routes: { m: [one, two] }\nrouting: { breaker: { open: ${openMs}ms } }\n`,
    );
    const daemon = await home.start();
    const figures = await providerDies({ url: daemon.url, key: daemon.api_key!, first, perSecond, phaseMs: 10_000 });
    const addedMs = Math.round((figures.p99_ms.breaker_open - figures.p99_ms.before) * 10) / 10;
    writeFigures("provider-dies", { ...figures, requests_per_second: perSecond, added_p99_ms: addedMs, breaker_open_ms: openMs });
    assert.equal(figures.client_errors, 0);
    assert.ok(addedMs < 50, `${addedMs} ms`);
    // The breaker is open for this time after each probe that fails.
    assert.ok(figures.back_after_ms < openMs + 1500, `${figures.back_after_ms} ms`);
  } finally {
    await home.clear();
    await Promise.all([first.die(), second.die()]);
  }
});
