import assert from "node:assert/strict";
import { test } from "node:test";
import { marketKillRun } from "../process/market-kill-run.ts";
import { writeFigures } from "./figures.ts";

test("kill -9 of a buyer, a seller and an exchange under load, 20 times each: the sums of all sides are exact, and statements verify", async () => {
  const figures = await marketKillRun({ kills: Number(process.env["MARKET_KILLS"] ?? 20), width: 8, loadMs: 200 });
  // A kill loses at most what was under way.
  assert.ok(figures.answered > figures.kills * 5, JSON.stringify(figures));
  writeFigures("market-kill", { ...figures });
});

test("the same with a seller that listens on nothing: the exchange is its relay, and is killed as well", async () => {
  const figures = await marketKillRun({ kills: Number(process.env["MARKET_KILLS"] ?? 20), width: 8, loadMs: 200, isRelayed: true });
  assert.ok(figures.answered > figures.kills * 5, JSON.stringify(figures));
  writeFigures("market-kill", { relayed: figures });
});
