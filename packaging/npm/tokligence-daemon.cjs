#!/usr/bin/env node
"use strict";

require("./launch.cjs")("daemon-main", "runDaemonCli", __filename);
