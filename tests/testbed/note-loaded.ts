import { writeFileSync } from "node:fs";
import { getCompileCacheDir, registerHooks } from "node:module";
import { join } from "node:path";

/** What a process that was started with `--import` of this file leaves at its end in the folder `NOTE_LOADED_IN`, as `PID.json`. */
export interface NoteOfLoaded {
  /** URLs of the modules that had been loaded when it first wrote to its standard output; all of them if it wrote nothing. */
  readonly modules: readonly string[];
  /** Node's own copy of undici was among them. */
  readonly hasInnerUndici: boolean;
  readonly compileCache: boolean;
}

const { NOTE_LOADED_IN: folder } = process.env as { readonly NOTE_LOADED_IN?: string };
if (folder !== undefined) {
  const modules: string[] = [];
  registerHooks({
    load(url, context, next) {
      modules.push(url);
      return next(url, context);
    },
  });
  const { moduleLoadList } = process as unknown as { readonly moduleLoadList: readonly string[] };
  let note: NoteOfLoaded | undefined;
  const take = (): NoteOfLoaded => ({
    modules: [...modules],
    hasInnerUndici: moduleLoadList.some((name) => name.endsWith("internal/deps/undici/undici")),
    compileCache: getCompileCacheDir() !== undefined,
  });
  const write = process.stdout.write.bind(process.stdout) as (...args: readonly unknown[]) => boolean;
  process.stdout.write = (...args: readonly unknown[]): boolean => {
    note ??= take();
    return write(...args);
  };
  process.on("exit", () => {
    writeFileSync(join(folder, `${process.pid}.json`), JSON.stringify(note ?? take()));
  });
}
