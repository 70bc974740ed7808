import assert from "node:assert/strict";
import { test } from "node:test";
import { isForbiddenReach, isPublicReach } from "./reach.ts";

const inside = [
  "http://127.0.0.1:8082",
  "http://[::1]:8082",
  "http://2130706433",
  "http://0x7f.1",
  "http://10.0.0.7",
  "http://8.8.8.8",
  "http://[2606:4700::1]",
  "http://localhost:8082",
  "http://a.localhost",
  "http://localhost.",
  "http://printer.local",
  "http://vault.internal",
  "http://router.home.arpa",
  "http://rig:8082",
];

test("a seller of an exchange is called at a public name only", () => {
  assert.deepEqual(inside.filter(isPublicReach), []);
  assert.equal(isPublicReach("https://rig.example.com:8082"), true);
});

test("addresses of the link alone are refused even if private ones are allowed", () => {
  const refused = [
    "http://169.254.169.254",
    "http://[fe80::1]",
    "http://0.0.0.0:80",
    "http://[::]",
    "http://224.0.0.1",
    "http://[::ffff:a9fe:a9fe]",
  ];
  assert.deepEqual(
    refused.filter((url) => !isForbiddenReach(url)),
    [],
  );
  assert.deepEqual(["http://127.0.0.1:1", "http://10.1.2.3", "http://rig:1"].filter(isForbiddenReach), []);
});
