#!/usr/bin/env node
import { launch } from "./launch.js";

await launch("app/cli/daemon-main", "runDaemonCli", import.meta.url);
