/** For each byte: 1 if it may be in the name of a header (RFC 9110 section 5.6.2, `token`). */
export const isNameByte = table("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

function table(characters: string): Uint8Array {
  const allowed = new Uint8Array(256);
  for (let i = 0; i < characters.length; i++) allowed[characters.charCodeAt(i)] = 1;
  return allowed;
}

/** A character of a header's value: tab, blank, a visible one, or a byte above ASCII (RFC 9110 section 5.5). */
export function isValueCode(code: number): boolean {
  return code >= 32 ? code !== 127 && code < 256 : code === 9;
}

export function isHeaderName(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    if (isNameByte[name.charCodeAt(i)] !== 1) return false;
  }
  return name !== "";
}

export function isHeaderValue(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    if (!isValueCode(value.charCodeAt(i))) return false;
  }
  return true;
}
