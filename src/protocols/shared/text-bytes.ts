const backslash = 0x5c;

/**
 * The approximate bytes of the last string among the members of a JSON text: escapes count as written. A string's own quotes are escaped, so `":"` is
 * found only between a key and its value.
 */
export function lastTextBytes(data: string, end = data.length): number {
  const close = data.lastIndexOf('"', end);
  const compact = data.lastIndexOf('":"', close);
  const open = compact >= 0 ? compact + 3 : data.lastIndexOf('": "', close) + 4;
  return open > 3 && close > open ? close - open : 0;
}

/** The approximate bytes of the first string with that key. The key's first quote is not searched: V8 is slow at finding a quote among many. */
export function textBytesOf(data: string, key: string): number {
  const found = data.indexOf(`${key}":`);
  if (found < 0) return 0;
  const start = data.indexOf('"', found + key.length + 2) + 1;
  let end = data.indexOf('"', start);
  while (end > 0 && data.charCodeAt(end - 1) === backslash) end = data.indexOf('"', end + 1);
  return start > 0 && end > start ? end - start : 0;
}
