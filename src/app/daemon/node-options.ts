import { isExecutable } from "../../core/index.ts";

/** SIGUSR1 must not open Node's debugger, from the first moment on. */
const noDebugger = "--disable-sigusr1";

/** Options that say what Node runs or how it is watched, and not how it runs. */
const ofThisProcess =
  /^(?:-[epic]|-pe|--eval|--print|--check|--interactive|--input-type|--run|--test(?:-.*)?|--experimental-test.*|--watch(?:-.*)?|--inspect(?:-.*)?)(?:=|$)/;
/** Those of them whose value is the next argument. */
const withValue = new Set(["-e", "-p", "-pe", "--eval", "--print", "--run"]);

/**
 * The options of this process's Node for another process of the gateway: memory limits and preloads hold there too. A program that uses the library may
 * run by `node -e` or `node --test`, which must not be done again.
 */
export function nodeOptionsForChild(execArgv: readonly string[]): string[] {
  // An executable has its options inside, and takes no others.
  if (isExecutable) return [];
  const kept: string[] = [];
  for (let i = 0; i < execArgv.length; i++) {
    const option = execArgv[i]!;
    if (!ofThisProcess.test(option)) kept.push(option);
    else if (withValue.has(option)) i++;
  }
  return [...kept, noDebugger];
}

/**
 * The environment for another process of the gateway. On Linux, glibc keeps what its threads free for each of them, and after a burst of work for long; with these
 * values a process takes some 30 MB less, and no more processor time. What the user has set holds.
 */
export function environmentForChild(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return process.platform === "linux" ? { ...memoryVariables, ...env } : env;
}

/** Of glibc's `malloc`. */
export const memoryVariables = { MALLOC_ARENA_MAX: "2", MALLOC_TRIM_THRESHOLD_: "131072" } as const;
