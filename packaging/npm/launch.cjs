"use strict";

/*
 * Runs a command of the package. In the syntax of old versions of Node, as each of them may read this file: from Node 24 on the command runs in this
 * process, and before that in the executable of this platform, which is a package of its own (`@tokligence/linux-x64`, …).
 */

const path = require("path");

const platform = process.platform + "-" + process.arch;
const platforms = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64", "win32-x64"];

function findExecutable() {
  try {
    const folder = path.dirname(require.resolve("@tokligence/" + platform + "/package.json"));
    return path.join(folder, "bin", process.platform === "win32" ? "tokligence.exe" : "tokligence");
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

function runElsewhere(executable, role) {
  const args = ["--as=" + role].concat(process.argv.slice(2));
  // This process becomes the other one, if this Node can do that.
  if (typeof process.execve === "function" && process.platform !== "win32") {
    process.execve(executable, [executable].concat(args), process.env);
    return;
  }
  const child = require("child_process").spawn(executable, args, { stdio: "inherit" });
  // A terminal sends its signals to the child as well; those that only this process gets are passed on. The child takes the same signal twice as one.
  ["SIGINT", "SIGTERM", "SIGHUP"].forEach(function (signal) {
    process.on(signal, function () {
      child.kill(signal);
    });
  });
  child.on("error", function (error) {
    process.stderr.write("tokligence: " + executable + " cannot be run: " + error.message + "\n");
    process.exitCode = 1;
  });
  child.on("exit", function (code, signal) {
    if (code !== null) process.exitCode = code;
    else process.exitCode = signal === null ? 1 : 128;
  });
}

/** @param command what is run: `chunk` is a file in `lib` with the function `run`, `role` the executable's name for it. */
module.exports = function launch(command) {
  if (process.argv.length === 3 && process.argv[2] === "version" && command.role === "tokligence") {
    process.stdout.write(require("../package.json").version + "\n");
    return;
  }
  if (Number(process.versions.node.split(".")[0]) >= 24) {
    runHere(command.chunk, command.run, command.script);
    return;
  }
  const executable = findExecutable();
  if (executable !== undefined) {
    runElsewhere(executable, command.role);
    return;
  }
  const other =
    platforms.indexOf(platform) < 0
      ? ""
      : ", or the package @tokligence/" + platform + " beside this one (npm omits it with --omit=optional)";
  process.stderr.write(
    "tokligence needs Node 24 or later; this is " + process.versions.node + ". Install Node 24 or later" + other + ".\n",
  );
  process.exitCode = 1;
};
