/**
 * The message of an error answer that is not in the protocol's form. An upstream in trouble, or a proxy in front of it, may send any body: readable
 * plain text becomes the message, any other body does not.
 */
export function plainMessage(status: number, body: string): string {
  const text = body.trim();
  return text === "" || /^[<{[]/.test(text) ? `The provider answered ${status} without a readable message.` : text;
}
