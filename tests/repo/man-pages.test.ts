import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { renderManPages } from "../../scripts/docs/man-pages.ts";
import { createDaemonProgram } from "../../src/app/cli/daemon-main.ts";
import { createProgram } from "../../src/app/cli/program.ts";
import { listCommands } from "../../src/app/cli/registry.ts";

const pages = renderManPages("1.2.3");
const hasGroff = spawnSync("groff", ["--version"]).status === 0;

test("each command has a man page, whose lines are no requests by mistake", () => {
  const names = listCommands(createProgram(), createDaemonProgram("")).map(({ words }) => `${words.join("-")}.1`);
  assert.deepEqual([...pages.keys()], names);
  for (const [name, page] of pages) {
    const requests = page.split("\n").filter((line) => /^[.']/.test(line) && !/^\.(TH|SH|TP|B|BR|PP|nf|fi)\b/.test(line));
    assert.deepEqual(requests, [], name);
  }
});

test("groff sets all pages without a warning", { skip: hasGroff ? false : "no groff here" }, () => {
  const { stderr, stdout } = spawnSync("groff", ["-man", "-Tutf8", "-K", "utf8", "-ww"], {
    input: [...pages.values()].join(""),
    encoding: "utf8",
  });
  assert.equal(stderr, "");
  assert.match(stdout, /tokligence-user-create - make a user/);
});
