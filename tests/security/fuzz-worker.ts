import { parentPort, workerData } from "node:worker_threads";
import { fuzzAnswers } from "./fuzz-answers.ts";
import { fuzzBodies } from "./fuzz-bodies.ts";

/** A share of a long run, for a thread of its own. */
export interface FuzzShare {
  readonly bodies: number;
  readonly answers: number;
  readonly seed: number;
}

const { bodies, answers, seed } = workerData as FuzzShare;
const asked = await fuzzBodies({ bodies, seed });
const answered = await fuzzAnswers({ answers, seed });
parentPort!.postMessage({ statuses: asked.statuses, outcomes: answered.outcomes, wrong: [...asked.wrong, ...answered.wrong] });
