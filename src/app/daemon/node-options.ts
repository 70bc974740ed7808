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
