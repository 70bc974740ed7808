import { test } from "node:test";
import { compareReaders } from "../testbed/answer-fuzz.ts";
import { writeFigures } from "./figures.ts";

const answers = 1_000_000;

test("a million random and broken answers are understood as llhttp understands them, or refused", () => {
  writeFigures("answer-fuzz", { ...compareReaders(1, answers) });
});
