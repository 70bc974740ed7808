/** What a long command shows while it works: one line on the terminal, which its end removes. */
export interface Progress {
  /** More is done. */
  add(count: number): void;
  end(): void;
}

export interface ProgressTerminal {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** Shorter work shows nothing. */
const patienceMs = 1000;
/** The line is written again at most this often. */
const everyMs = 100;
const clearLine = "\r\u001b[K";

/**
 * @param what as in `rows`.
 * @param total how many there will be; unknown if omitted.
 * @param terminal standard error, as standard output is the result. If it is no terminal, nothing is shown.
 */
export function createProgress(
  what: string,
  total?: number,
  terminal: ProgressTerminal = process.stderr,
  now: () => number = () => performance.now(),
): Progress {
  let done = 0;
  let shownMs = -Infinity;
  if (terminal.isTTY !== true) return { add: () => {}, end: () => {} };
  return {
    add(count) {
      done += count;
      const nowMs = now();
      if (nowMs - shownMs < everyMs) return;
      shownMs = nowMs;
      const share = total === undefined || total === 0 ? "" : ` of ${total} (${Math.min(100, Math.floor((done / total) * 100))} %)`;
      terminal.write(`${clearLine}${done}${share} ${what}`);
    },
    end() {
      if (shownMs > -Infinity) terminal.write(clearLine);
    },
  };
}

/** Shows for how long something has been under way whose steps are not known here: it happens in the gateway. */
export async function showElapsed<T>(what: string, run: () => Promise<T>, terminal: ProgressTerminal = process.stderr): Promise<T> {
  if (terminal.isTTY !== true) return await run();
  let seconds = 0;
  const timer = setInterval(() => terminal.write(`${clearLine}${what}: ${++seconds} s`), patienceMs);
  try {
    return await run();
  } finally {
    clearInterval(timer);
    if (seconds > 0) terminal.write(clearLine);
  }
}
