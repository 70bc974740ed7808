import { copyFileSync } from "node:fs";

/** Data that is read at run time and that the compiler does not copy. */
const files = ["ledger/prices/price-list.json"];

for (const file of files) copyFileSync(new URL(`../src/${file}`, import.meta.url), new URL(`../dist/${file}`, import.meta.url));
