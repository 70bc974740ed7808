import assert from "node:assert/strict";
import { test } from "node:test";
import { clipBody, cutText } from "./clip-body.ts";

test("base64 longer than 1 KiB is replaced, wherever it stands; shorter is not", () => {
  const long = "iVBORw0KGgo".repeat(100);
  const short = "A".repeat(1024);
  const rows: readonly (readonly [string, string])[] = [
    ["", ""],
    [short, short],
    [`${short}A`, "[media, 768 bytes]"],
    [`{"url":"data:image/png;base64,${long}==","b":1}`, '{"url":"data:image/png;base64,[media, 825 bytes]==","b":1}'],
    [`${"x y ".repeat(500)}${long} ${long}"`, `${"x y ".repeat(500)}[media, 825 bytes] [media, 825 bytes]"`],
    // Slashes and line breaks as some clients escape them.
    [`"${"ABCDEFG\\/HIJKLMN\\r\\n".repeat(100)}"`, '"[media, 1500 bytes]"'],
    ["word ".repeat(1000), "word ".repeat(1000)],
  ];
  for (const [body, expected] of rows) assert.deepEqual(clipBody(body, 100_000), { text: expected, isCut: false });
});

test("any place of a run in a text gives one and the same", () => {
  for (let before = 0; before < 2100; before += 7) {
    const text = `${"-.".repeat(before)}"${"Q".repeat(1025)}" and ${"R".repeat(1024)}.`;
    assert.equal(clipBody(text, 1e6).text, `${"-.".repeat(before)}"[media, 768 bytes]" and ${"R".repeat(1024)}.`, String(before));
  }
});

test("a body is cut at its size, counted after media has been taken out", () => {
  const media = "A".repeat(50_000);
  assert.deepEqual(clipBody(`"${media}" and more`, 20), { text: '"[media, 37500 bytes', isCut: true });
  assert.deepEqual(clipBody(`"${media}" and more`, 31), { text: '"[media, 37500 bytes]" and more', isCut: false });
  assert.deepEqual(clipBody(`"${media}" and more`, 30), { text: '"[media, 37500 bytes]" and mor', isCut: true });
  assert.deepEqual(clipBody("a b c", 5), { text: "a b c", isCut: false });
  assert.deepEqual(clipBody("a b c d", 5), { text: "a b c", isCut: true });
});

test("a text is cut at a character", () => {
  const text = "aé€😀";
  const cuts = Array.from({ length: 12 }, (_, max) => cutText(text, max).text);
  assert.deepEqual(cuts, ["", "a", "a", "aé", "aé", "aé", "aé€", "aé€", "aé€", "aé€", text, text]);
  assert.deepEqual(
    [9, 10].map((max) => cutText(text, max).isCut),
    [true, false],
  );
  assert.deepEqual(cutText(text, -5), { text: "", isCut: true });
});
