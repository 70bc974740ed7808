#!/usr/bin/env node
"use strict";

require("./launch.cjs")({ chunk: "daemon-main", run: "runDaemonCli", role: "tokligence-daemon", script: __filename });
