/**
 * The message of an error answer that is not in the protocol's form, as an upstream in trouble, or a proxy before it, may answer anything: its own text,
 * where that can be read as one.
 */
export function plainMessage(status: number, body: string): string {
  const text = body.trim();
  return text === "" || /^[<{[]/.test(text) ? `The provider answered ${status} without a readable message.` : text;
}
