import { createFaultServer } from "/work/main/tests/testbed/fault-server.ts";
import { faultNames, faults } from "/work/main/tests/testbed/faults.ts";
import { startGateway, withMockUpstream } from "/work/main/tests/e2e/harness.ts";
import { dialects } from "/work/main/tests/faults/dialects.ts";
import { ask, rowLine } from "/work/main/tests/faults/observe.ts";
const server = await createFaultServer();
const mk = (t: string) => startGateway({ config: withMockUpstream(server.url, `prices: {}`).replace("gateway: { work_mode: auto }", `gateway: { timeouts: ${t} }`) });
const gateway = await mk("{ connect: 1s, first_byte: 300ms, idle: 300ms, total: 500ms, stream_total: 800ms }");
const patient = await mk("{ connect: 3s, first_byte: 10s, idle: 10s, total: 20s, stream_total: 20s }");
await server.waitForRequests(8);
const hasty = new Set(["hang-before-headers","stall-after-headers","stall-in-body"]);
for (const fault of faultNames) {
  const g = hasty.has(fault) ? gateway : patient;
  const key = (await g.createKey("a")).key;
  server.use({ fault, beforeResetMs: 30, bombBytes: 70 * 2**20 } as never);
  const t = performance.now();
  const out: Record<string,string> = {};
  for (const stream of [false, true]) {
    if (faults[fault].on !== "both" && (faults[fault].on === "stream") !== stream) continue;
    await Promise.all(dialects.map(async (d) => {
      const label = `${stream ? "SSE " : "JSON"} ${d.id}`;
      try {
      const seen = await ask(g, key, d, stream);
      const rows = (await g.rows()).filter((r) => r.request_id === seen.requestId);
      out[label] = `${seen.status} ${seen.how} ${seen.error?.code ?? ""} ra=${seen.headers["retry-after"] ?? ""} | ${rows.map((r) => rowLine(r) + ` in=${r.input_tokens} out=${r.output_tokens} cost=${r.cost_nano_usd}`).join(" ; ")} ${seen.error ? seen.error.message.slice(0,90) : ""}`;
      } catch (e) { out[label] = "EXC " + String(e).slice(0, 600); }
    }));
  }
  console.log(`== ${fault} ${(performance.now()-t).toFixed(0)}ms`);
  for (const k of Object.keys(out).toSorted()) console.log("   ", k.padEnd(24), out[k]);
}
await gateway.stop(); await patient.stop(); await server.close();
