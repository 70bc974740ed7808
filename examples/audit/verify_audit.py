#!/usr/bin/env python3
"""Verifies an export of the audit trail (`tokligence audit export > audit.jsonl`), or proofs (`tokligence audit prove REQUEST > proof.json`).

It uses nothing but Python's standard library, and shares no code with the gateway. Exit status 1 if something was changed.

    python3 verify_audit.py audit.jsonl [PUBLIC_KEY]
"""

import base64
import hashlib
import json
import sys

# --- Ed25519, RFC 8032, section 6 -------------------------------------------------------------------------------------------

P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def add(a, b):
    x = (a[1] - a[0]) * (b[1] - b[0]) % P
    y = (a[1] + a[0]) * (b[1] + b[0]) % P
    z, t = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = y - x, t - z, t + z, y + x
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def multiply(scalar, point):
    result = (0, 1, 1, 0)
    while scalar > 0:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def decompress(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P != 0:
        x = x * SQRT_M1 % P
    if (x * x - x2) % P != 0 or (x == 0 and sign == 1):
        return None
    if (x & 1) != sign:
        x = P - x
    return (x, y, 1, x * y % P)


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = decompress(BASE_Y.to_bytes(32, "little"))


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def is_signature(text, public_key, signature):
    try:
        public, signed = decode(public_key), decode(signature)
    except ValueError:
        return False
    if len(public) != 32 or len(signed) != 64:
        return False
    a, r = decompress(public), decompress(signed[:32])
    s = int.from_bytes(signed[32:], "little")
    if a is None or r is None or s >= Q:
        return False
    h = int.from_bytes(hashlib.sha512(signed[:32] + public + text.encode()).digest(), "little") % Q
    left, right = multiply(s, BASE), add(r, multiply(h, a))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


# --- The chain --------------------------------------------------------------------------------------------------------------


def sha256(data):
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def checkpoint_text(c):
    return f"tokligence audit checkpoint\n{c['number']}\n{c['seq']}\n{c['timeMs']}\n{c['head']}\n{c['publicKey']}"


def end_text(e):
    return f"tokligence audit export\n{e['entries']}\n{e['checkpoints']}\n{e['digest']}\n{e['publicKey']}"


def verify_export(lines, key):
    """Yields what is wrong."""
    seq, head, checkpoints, end = 0, "0" * 64, 0, None
    digest = hashlib.sha256()
    for number, line in enumerate(lines, 1):
        if end is not None:
            yield f"line {number}: it follows the end of the export"
        if line.startswith('{"row":'):
            digest.update((line + "\n").encode())
            row, stated = line[7:-75], line[-66:-2]
            if line[-75:-66] != ',"hash":"' or not row.startswith("["):
                yield f"line {number}: it is no entry"
                continue
            found = json.loads(row)[0]
            if found != seq + 1:
                yield f"line {number}: entry {found} where {seq + 1} was expected"
            if sha256(head + sha256(row)) != stated:
                yield f"line {number}: the hash of entry {found} does not follow from it and from the entry before"
            seq, head = found, stated
            continue
        value = json.loads(line)
        if "end" in value:
            end = value["end"]
            continue
        digest.update((line + "\n").encode())
        if "checkpoint" in value:
            c = value["checkpoint"]
            if c["number"] != checkpoints + 1:
                yield f"line {number}: checkpoint {c['number']} where {checkpoints + 1} was expected"
            if c["seq"] != seq or c["head"] != head:
                yield f"line {number}: the checkpoint is about another trail"
            if not is_signature(checkpoint_text(c), c["publicKey"], c["signature"]) or key not in (None, c["publicKey"]):
                yield f"line {number}: the signature of the checkpoint is wrong"
            checkpoints = c["number"]
        elif value.get("format") != "tokligence-audit-1" or number > 1:
            yield f"line {number}: it is no line of an export"
    if end is None:
        yield "the last line is missing: the end was cut off"
    elif (end["digest"], end["entries"], end["checkpoints"]) != (digest.hexdigest(), seq, checkpoints):
        yield "the lines are not those that were signed"
    elif not is_signature(end_text(end), end["publicKey"], end["signature"]) or key not in (None, end["publicKey"]):
        yield "the signature of the export is wrong"


# --- Proofs -----------------------------------------------------------------------------------------------------------------


def root_of(leaf, index, count, path):
    if count == 1:
        return leaf if not path else None
    if not path:
        return None
    left = 1
    while left * 2 < count:
        left *= 2
    if index < left:
        below = root_of(leaf, index, left, path[:-1])
        return below and sha256(b"\x01" + bytes.fromhex(below) + bytes.fromhex(path[-1]))
    below = root_of(leaf, index - left, count - left, path[:-1])
    return below and sha256(b"\x01" + bytes.fromhex(path[-1]) + bytes.fromhex(below))


def verify_proof(p, key):
    """Yields what is wrong."""
    leaf = sha256(b"\x00" + p["entry"].encode())
    if not 0 <= p["index"] < p["count"] or root_of(leaf, p["index"], p["count"], p["path"]) != p["root"]:
        yield "the usage entry does not lead to the root of its batch"
    sealed = json.loads(json.loads(p["batch"])[-1])
    if (sealed.get("root"), sealed.get("count")) != (p["root"], p["count"]):
        yield "the root is not the one in the trail"
    named = dict(json.loads(p["entry"]))
    if (named.get("request_id"), named.get("attempt")) != (p["request_id"], p["attempt"]):
        yield "the usage entry is another request's"
    head = sha256(p["hash_before"] + sha256(p["batch"]))
    for after in p["digests_after"]:
        head = sha256(head + after)
    c = p["checkpoint"]
    if head != c["head"]:
        yield "the batch does not lead to the signed head"
    if not is_signature(checkpoint_text(c), c["publicKey"], c["signature"]) or key not in (None, c["publicKey"]):
        yield "the signature is wrong"


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    key = sys.argv[2] if len(sys.argv) == 3 else None
    with open(sys.argv[1], encoding="utf-8", newline="\n") as file:
        text = file.read()
    if text.startswith("["):
        faults = [fault for proof in json.loads(text) for fault in verify_proof(proof, key)]
    else:
        lines = text.split("\n")
        faults = list(verify_export(lines[:-1] if lines[-1] == "" else lines, key))
    for fault in faults:
        print(fault)
    if faults:
        sys.exit(1)
    print("nothing was changed")


if __name__ == "__main__":
    main()
