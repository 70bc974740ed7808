#!/usr/bin/env node
"use strict";

require("./launch.cjs")({ chunk: "main", run: "runCli", role: "tokligence", script: __filename });
