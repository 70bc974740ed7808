/**
 * The data of each event in a whole stream, as the HTML Standard's algorithm gives it (section 9.2.6, "Interpreting an
 * event stream"). Slow and plain, to check faster parsers and odd streams against.
 */
export function readEventData(bytes: Uint8Array): readonly string[] {
  // TextDecoder drops one leading BOM, as the standard asks.
  const lines = new TextDecoder().decode(bytes).split(/\r\n|\r|\n/);
  const events: string[] = [];
  let data: string[] = [];
  for (const line of lines) {
    if (line === "") {
      if (data.length > 0) events.push(data.join("\n"));
      data = [];
      continue;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1);
    if (field === "data") data.push(value.startsWith(" ") ? value.slice(1) : value);
  }
  return events;
}
