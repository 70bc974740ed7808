import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { sendRaw } from "../e2e/raw-http.ts";
import { createHome, endBy } from "./processes.ts";

test("two workers write bodies by themselves, all of them by the end of an ordinary stop", async () => {
  const home = await createHome();
  try {
    await home.writeConfig("gateway: { workers: 2 }\nledger: { bodies: { enabled: true } }\n");
    const daemon = await home.start();
    const body = JSON.stringify({ model: "loopback", messages: [{ role: "user", content: "hi" }] });
    const headers = ["authorization", `Bearer ${daemon.api_key!}`, "content-type", "application/json", "connection", "close"];
    // On connections of their own, so that the workers take turns.
    const replies = await Promise.all(
      Array.from({ length: 40 }, () => sendRaw(`http://127.0.0.1:${daemon.port}`, { path: "/v1/chat/completions", headers, body })),
    );
    await endBy(daemon, "SIGTERM");
    const database = new DatabaseSync(`${home.place}/gateway.db`, { readOnly: true });
    const kept = database.prepare("select request_id, request, answer from entry_bodies").all();
    database.close();
    const byId = (a: Record<string, unknown>, b: Record<string, unknown>): number =>
      String(a["request_id"]).localeCompare(String(b["request_id"]));
    const expected = replies.map((reply) => ({
      request_id: String(reply.headers["x-request-id"]),
      request: body,
      answer: reply.body.toString(),
    }));
    assert.deepEqual(kept.map((row) => ({ ...row })).toSorted(byId), expected.toSorted(byId));
    const pids = new Set([...(await home.log()).matchAll(/"pid":(\d+)[^\n]*"msg":"request"/g)].map(([, pid]) => pid));
    assert.equal(pids.size, 2);
  } finally {
    await home.clear();
  }
});
