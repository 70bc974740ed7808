import { messageOf } from "../../core/index.ts";
import * as z from "zod";
import { isAskedFor } from "./covered-by-yes.ts";
import type { Masker } from "./masker.ts";
import type { ChangeTool, ReadTool, Tool } from "./tool.ts";

/** A change that the user is asked about. */
export interface ChangeRequest {
  /** Without secrets. */
  readonly summary: string;
  /** The model has read text that others wrote since the question, or before it. */
  readonly hasForeignText: boolean;
}

export interface ChangeRecord {
  readonly tool: string;
  readonly summary: string;
  readonly outcome: "applied" | "declined" | "failed";
}

export interface ToolRunnerDeps {
  readonly tools: readonly Tool[];
  readonly masker: Masker;
  /** No change is possible. */
  readonly isReadOnly: boolean;
  /** Changes that the question asks for need no yes. */
  readonly isYes: boolean;
  /** Asks the user. */
  readonly approve: (change: ChangeRequest) => Promise<boolean>;
  /** A new key, for the user alone. */
  readonly showOnce: (secret: string) => void;
  readonly onCall?: (name: string, input: string) => void;
}

interface RunResult {
  readonly text: string;
  readonly isError: boolean;
}

/** A longer result is cut off. */
const maxResult = 16_000;

/** Runs the calls of a model: checks arguments, asks the user about changes, masks and marks results. */
export class ToolRunner {
  readonly #deps: ToolRunnerDeps;
  readonly #byName: ReadonlyMap<string, Tool>;
  #question = "";
  #hasForeignText = false;
  #calls: string[] = [];
  #changes: ChangeRecord[] = [];
  readonly #undos: (() => Promise<string>)[] = [];

  constructor(deps: ToolRunnerDeps) {
    this.#deps = deps;
    this.#byName = new Map(deps.tools.map((tool) => [tool.name, tool]));
  }

  begin(question: string): void {
    this.#question = question;
    this.#calls = [];
    this.#changes = [];
  }

  report(): { readonly calls: readonly string[]; readonly changes: readonly ChangeRecord[] } {
    return { calls: this.#calls, changes: this.#changes };
  }

  /** The conversation begins anew: nothing that others wrote is in it. */
  forget(): void {
    this.#hasForeignText = false;
  }

  async undo(): Promise<string> {
    const undo = this.#undos.pop();
    if (undo === undefined) return "There is no change of this conversation that can be undone.";
    return this.#deps.masker.mask(await undo());
  }

  /** Never throws: what is wrong is the result, so that the model can correct itself. */
  async run(name: string, argumentText: string): Promise<RunResult> {
    const { masker, onCall } = this.#deps;
    this.#calls.push(name);
    onCall?.(name, masker.mask(argumentText));
    try {
      const tool = this.#byName.get(name);
      if (tool === undefined) throw new Error(`There is no tool "${name}". The tools are: ${[...this.#byName.keys()].join(", ")}.`);
      const input = readInput(tool, argumentText);
      return await (tool.kind === "read" ? this.#read(tool, input) : this.#change(tool, input));
    } catch (error) {
      // An error may repeat what others wrote.
      this.#hasForeignText = true;
      return { text: this.#asData(name, `Error: ${messageOf(error)}`), isError: true };
    }
  }

  async #read(tool: ReadTool, input: Readonly<Record<string, unknown>>): Promise<RunResult> {
    const { value } = await tool.read(input);
    if (!tool.isForeign) return { text: this.#cut(textOf(value)), isError: false };
    this.#hasForeignText = true;
    return { text: this.#asData(tool.name, textOf(value)), isError: false };
  }

  async #change(tool: ChangeTool, input: Readonly<Record<string, unknown>>): Promise<RunResult> {
    const { masker, isReadOnly, showOnce } = this.#deps;
    if (isReadOnly) return { text: "The assistant was started with --read-only: nothing can be changed.", isError: true };
    const planned = await tool.plan(input);
    const summary = masker.mask(planned.summary);
    const isAgreed = await this.#isAgreed(tool, input, summary);
    const record = (outcome: ChangeRecord["outcome"]): void => void this.#changes.push({ tool: tool.name, summary, outcome });
    if (!isAgreed) {
      record("declined");
      return { text: "The user has not agreed to this change. Nothing was changed.", isError: true };
    }
    try {
      const { value, shownOnce, undo } = await planned.apply();
      if (shownOnce !== undefined) {
        masker.learn(shownOnce);
        showOnce(shownOnce);
      }
      if (undo !== undefined) this.#undos.push(undo);
      record("applied");
      this.#hasForeignText = true;
      return { text: this.#asData(tool.name, `Done. ${textOf(value)}`), isError: false };
    } catch (error) {
      record("failed");
      throw error;
    }
  }

  async #isAgreed(tool: ChangeTool, input: Readonly<Record<string, unknown>>, summary: string): Promise<boolean> {
    const { isYes, approve } = this.#deps;
    const hasForeignText = this.#hasForeignText;
    if (isYes && (!hasForeignText || isAskedFor(this.#question, tool, input))) return true;
    return await approve({ summary, hasForeignText });
  }

  #asData(source: string, text: string): string {
    // The text cannot end its own mark.
    return `<data source="${source.replaceAll(/\W/g, "_").slice(0, 60)}">\n${this.#cut(text).replaceAll(/<(\/?)data/gi, "<$1 data")}\n</data>`;
  }

  #cut(text: string): string {
    const clean = this.#deps.masker.mask(text);
    return clean.length <= maxResult ? clean : `${clean.slice(0, maxResult)}\n… (cut off; ask for less)`;
  }
}

/** @throws Error that says which argument is wrong, and what there is. */
function readInput(tool: Tool, text: string): Readonly<Record<string, unknown>> {
  let wire: unknown;
  try {
    wire = text.trim() === "" ? {} : JSON.parse(text);
  } catch {
    throw new Error(`The arguments of ${tool.name} are no JSON.`);
  }
  const parsed = tool.parameters.safeParse(wire);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.length === 0 ? "" : `${path.join(".")}: `}${message}`);
  const schema = JSON.stringify(z.toJSONSchema(tool.parameters, { io: "input" }).properties ?? {});
  throw new Error(`The arguments of ${tool.name} are wrong. ${problems.join("; ")}. The parameters are: ${schema}`);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
