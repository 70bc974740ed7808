#!/usr/bin/env node
import { launch } from "./launch.js";

await launch("app/cli/main", "runCli", import.meta.url);
