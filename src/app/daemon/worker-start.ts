import { enableCompileCache } from "node:module";

// As the launcher does in the primary, and before anything of the gateway is loaded.
enableCompileCache();
await import("./worker.ts");
