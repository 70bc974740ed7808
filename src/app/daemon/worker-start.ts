import { enableCompileCache } from "node:module";

// A terminal sends its signals to all processes of the group; the primary decides what they do. On SIGUSR1 Node would open its debugger.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1"] as const) process.on(signal, () => {});
// As the launcher does in the primary, and before anything of the gateway is loaded.
enableCompileCache();
const { serveAsWorker } = await import("./worker.ts");
await serveAsWorker();
