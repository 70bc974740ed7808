import { serveBridge } from "./bridge.ts";

// The program that started it decides when it ends: by closing its input.
for (const signal of ["SIGINT", "SIGUSR1"] as const) process.on(signal, () => {});
await serveBridge(process.stdin, process.stdout);
