#!/usr/bin/env python3
"""A second implementation of the market's documents, sealing, costs and clearing, which reproduces the test vectors.

It shares no code with the gateway. It needs the package `cryptography`. Exit status 1 at the first difference.

    python3 check_vectors.py src/market/fixtures/market-vectors.json
"""

import base64
import hashlib
import hmac
import json
import sys

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAX_INTEGER = 2**53 - 1


def from_base64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def to_base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


# --- Canonical text, RFC 8785, of objects, lists, strings, booleans and integers ------------------------------------------------


class Refused(Exception):
    pass


def canonical(value):
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise Refused("integer")
        return str(value)
    if isinstance(value, str):
        if any(0xD800 <= ord(char) <= 0xDFFF for char in value):
            raise Refused("half a surrogate pair")
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return "[" + ",".join(canonical(item) for item in value) + "]"
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return "{" + ",".join(canonical(key) + ":" + canonical(value[key]) for key in keys) + "}"
    raise Refused(type(value).__name__)


def parse(text):
    def pairs(members):
        if len({key for key, _ in members}) != len(members):
            raise Refused("a key twice")
        return dict(members)

    def integer(digits):
        if digits == "-0":
            raise Refused("-0")
        return int(digits)

    def refuse(_):
        raise Refused("not an integer")

    value = json.loads(text, object_pairs_hook=pairs, parse_int=integer, parse_float=refuse, parse_constant=refuse)
    canonical(value)
    return value


# --- Documents ------------------------------------------------------------------------------------------------------------------


def document_bytes(kind, body):
    return ("tokligence-market\n" + kind + "\n" + canonical(body)).encode()


def sha256_name(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def is_signed_by(node, data, sig):
    try:
        Ed25519PublicKey.from_public_bytes(from_base64url(node[4:])).verify(from_base64url(sig), data)
        return True
    except InvalidSignature:
        return False


def next_head(head, entry):
    return hashlib.sha256(bytes.fromhex(head) + canonical(entry).encode()).hexdigest()


def cost_of(price, usage):
    fresh = usage["input"] - usage["cache_read"]
    femto = fresh * int(price["input"]) + usage["cache_read"] * int(price["cache_read"]) + usage["output"] * int(price["output"])
    return (femto + 500_000) // 1_000_000


# --- Sealing: DHKEM(X25519, HKDF-SHA256) of RFC 9180, section 4.1, then HKDF and AES-256-GCM ------------------------------------


def extract(salt, data):
    return hmac.new(salt or bytes(32), data, hashlib.sha256).digest()


def expand(key, info, size):
    out, block = b"", b""
    while len(out) < size:
        block = hmac.new(key, block + info + bytes([len(out) // 32 + 1]), hashlib.sha256).digest()
        out += block
    return out[:size]


def decapsulate(private, enc):
    suite = b"KEM" + (0x0020).to_bytes(2, "big")
    shared = private.exchange(X25519PublicKey.from_public_bytes(enc))
    prk = extract(b"", b"HPKE-v1" + suite + b"eae_prk" + shared)
    context = enc + private.public_key().public_bytes_raw()
    return expand(prk, (32).to_bytes(2, "big") + b"HPKE-v1" + suite + b"shared_secret" + context, 32)


def lease_secret(shared, kid, enc, lease):
    salt = hashlib.sha256(kid.encode() + b"\n" + enc).digest()
    return expand(extract(salt, shared), b"tokligence-market/1\n" + lease.encode(), 32)


def direction_key(secret, n, direction):
    return expand(extract(b"", secret), f"{n}\n{direction}".encode(), 32)


def nonce(counter):
    return bytes(4) + counter.to_bytes(8, "big")


# --- The clearing ---------------------------------------------------------------------------------------------------------------


class Clearing:
    """What each operation does to accounts and leases. Amounts are integers of nano-credits."""

    def __init__(self, fee_ppm):
        self.fee_ppm, self.balance, self.held, self.leases = fee_ppm, {}, {}, {}

    def move(self, source, target, amount):
        self.balance[source] = self.balance.get(source, 0) - amount
        self.balance[target] = self.balance.get(target, 0) + amount

    def pay(self, lease, source, amount):
        fee = amount * lease["fee_ppm"] // 1_000_000
        self.move(source, lease["seller"], amount - fee)
        self.move(source, "#fees", fee)
        lease["paid"] += amount

    def end_if_due(self, lease, now):
        if lease["deadline"] > now:
            return
        if lease["state"] == "open":
            self.held[lease["buyer"]] -= lease["hold"]
            lease["state"] = "void"
        elif lease["state"] == "window":
            self.pay(lease, "#contested", lease["charged"] - lease["paid"])
            lease["state"] = "settled"

    def run(self, op, now):
        kind = op["kind"]
        if kind in ("deposit", "correction"):
            self.move("#outside", op["owner"], int(op["amount"]))
            return "ok"
        if kind == "resume":
            for lease in self.leases.values():
                lease["deadline"] += op["gap"]
            return "ok"
        if kind == "tick":
            for lease in self.leases.values():
                self.end_if_due(lease, now)
            return "ok"
        if kind == "open":
            return self.open(op)
        if op["id"] not in self.leases:
            return "unknown_lease"
        lease = self.leases[op["id"]]
        self.end_if_due(lease, now)
        if kind == "settle":
            return self.settle(lease, op, now)
        if lease["state"] != "window":
            return "not_settled" if lease["state"] == "open" else lease["state"]
        rest = lease["charged"] - lease["paid"]
        if kind == "ack":
            more = min(int(op["acked"]), lease["charged"]) - lease["paid"]
            if more > 0:
                self.pay(lease, "#contested", more)
            lease["state"] = "settled" if lease["paid"] == lease["charged"] else "window"
            return lease["state"]
        left, sellers = rest, 0
        for receipt in op.get("judged", []):
            if int(receipt["cum"]) > lease["paid"]:
                part = min(int(receipt["cost"]), left)
                left -= part
                sellers += part if receipt["right"] else 0
        sellers += left // 2
        self.move("#contested", lease["buyer"], rest - sellers)
        self.pay(lease, "#contested", sellers)
        lease["state"] = "split"
        return "split"

    def open(self, op):
        if op["id"] in self.leases:
            return "same"
        if op["buyer"] == op["seller"]:
            return "same_party"
        buyer, hold = op["buyer"], int(op["hold"])
        if self.balance.get(buyer, 0) - self.held.get(buyer, 0) < hold:
            return "insufficient_funds"
        self.held[buyer] = self.held.get(buyer, 0) + hold
        lease = {"buyer": buyer, "seller": op["seller"], "hold": hold, "deadline": op["settleBy"]}
        lease["fee_ppm"] = int(op.get("feePpm", self.fee_ppm))
        self.leases[op["id"]] = {**lease, "state": "open", "charged": 0, "paid": 0}
        return "ok"

    def settle(self, lease, op, now):
        if lease["state"] != "open":
            return "void" if lease["state"] == "void" else "same"
        lease["charged"] = min(int(op["cum"]), int(op["ceiling"]), lease["hold"])
        agreed = min(int(op["acked"]), lease["charged"])
        self.held[lease["buyer"]] -= lease["hold"]
        self.pay(lease, lease["buyer"], agreed)
        rest = lease["charged"] - agreed
        self.move(lease["buyer"], "#contested", rest)
        lease["state"] = "window" if rest else "settled"
        lease["deadline"] = now + op["window"]
        return lease["state"]


# --- The vectors ----------------------------------------------------------------------------------------------------------------

checks = 0


def same(found, expected, what):
    global checks
    checks += 1
    if found != expected:
        sys.exit(f"{what}: found {found!r}, expected {expected!r}")


def check_documents(vectors):
    keys = {name: Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed)) for name, seed in vectors["seeds"].items()}
    for name, node in vectors["nodes"].items():
        same("tn1_" + to_base64url(keys[name].public_key().public_bytes_raw()), node, f"node {name}")
    for name, vector in vectors["documents"].items():
        document = parse(json.dumps(vector["document"]))
        data = document_bytes(document["type"], document["body"])
        same(data.decode(), vector["canonical"], f"{name}: signed bytes")
        same(sha256_name(data), vector["hash"], f"{name}: hash")
        same(len(canonical(document).encode()), vector["bytes"], f"{name}: size")
        signer = vectors["nodes"][vector["signer"]]
        same(is_signed_by(signer, data, document["sig"]), True, f"{name}: signature")
        same(is_signed_by(signer, data + b" ", document["sig"]), False, f"{name}: signature of other bytes")
        same(to_base64url(keys[vector["signer"]].sign(data)), document["sig"], f"{name}: signed again")
    entry = vectors["account_entry"]
    same(canonical(entry["entry"]), entry["canonical"], "entry")
    same(next_head(entry["previous_head"], entry["entry"]), entry["head"], "head")
    for vector in vectors["costs"]:
        same(str(cost_of(vector["price"], vector["usage"])), vector["nano"], "cost")
    for vector in vectors["canonical"]:
        same(canonical(vector["value"]), vector["text"], "canonical text")
        same(canonical(parse(vector["text"])), vector["text"], "canonical text, parsed")
    for text in vectors["refused"]:
        try:
            parse(text.replace(" (duplicate key, at parse)", ""))
            found = "accepted"
        except (Refused, ValueError):
            found = "refused"
        same(found, "refused", text)


def check_sealing(vectors):
    sealing = vectors["sealing"]
    enc = bytes.fromhex(sealing["enc"])
    private = X25519PrivateKey.from_private_bytes(bytes.fromhex(vectors["seeds"]["seller sealing key"]))
    shared = decapsulate(private, enc)
    same(shared.hex(), sealing["shared_key"], "shared key")
    secret = lease_secret(shared, sealing["kid"], enc, sealing["lease"])
    same(secret.hex(), sealing["lease_secret"], "secret of the lease")
    for direction in ("request", "answer"):
        key = direction_key(secret, 1, direction)
        same(key.hex(), sealing[f"{direction}_key_n1"], f"key of the {direction}")
        cipher = AESGCM(key)
        for vector in sealing["frames"][direction]:
            wire = base64.b64decode(vector["frame"])
            aad = bytes([vector["type"]])
            same((int.from_bytes(wire[:4], "big"), wire[4]), (len(wire) - 4, vector["type"]), "head of a frame")
            plain = cipher.decrypt(nonce(vector["counter"]), wire[5:], aad)
            same(plain.decode(), vector["plain"], "plain text of a frame")
            same(cipher.encrypt(nonce(vector["counter"]), plain, aad), wire[5:], "sealed frame")
            for wrong in ((vector["counter"] + 1, aad), (vector["counter"], b"\x00")):
                try:
                    cipher.decrypt(nonce(wrong[0]), wire[5:], wrong[1])
                    sys.exit("a frame that was moved opens")
                except InvalidTag:
                    pass


def frames_of(wire):
    frames, at = [], 0
    while at < len(wire):
        size = int.from_bytes(wire[at : at + 4], "big")
        frames.append((wire[at + 4], wire[at + 5 : at + 4 + size]))
        at += 4 + size
    return frames


def check_relay(vectors):
    """A call that a relay forwards: who may call, who the relay is, and what is sealed."""
    relay, nodes = vectors["relay"], vectors["nodes"]
    node, at, sig = relay["pass"]["text"].removeprefix("TN1 ").split(".")
    same((node, int(at)), (nodes["buyer"], relay["pass"]["at"]), "pass")
    signed = "\n".join(["tokligence-market", "RELAY", relay["pass"]["seller"], at]).encode()
    same(is_signed_by(node, signed, sig), True, "signature of the pass")
    signed = "\n".join(["tokligence-market", "RELAYED", relay["answer"]["authorization"], relay["answer"]["url"]]).encode()
    same(is_signed_by(nodes["exchange"], signed, relay["answer"]["sig"]), True, "signature of the relay")
    private = X25519PrivateKey.from_private_bytes(bytes.fromhex(vectors["seeds"]["seller sealing key"]))
    request, answer = relay["call"]["request"], relay["call"]["answer"]
    (first, opening), (second, sealed) = frames_of(base64.b64decode(request["wire"]))
    opening = json.loads(opening)
    same((first, second, opening["kid"]), (1, 3, relay["call"]["kid"]), "frames of the call")
    enc = from_base64url(opening["enc"])
    secret = lease_secret(decapsulate(private, enc), opening["kid"], enc, "call")
    plain = AESGCM(direction_key(secret, 1, "request")).decrypt(nonce(0), sealed, b"\x03")
    head, text = plain.decode().split("\n", 1)
    same((json.loads(head), text), ({"method": request["method"], "path": request["path"]}, request["text"]), "call")
    (first, salt), (second, head), (third, last) = frames_of(base64.b64decode(answer["wire"]))
    same((first, second, third, len(salt)), (1, 4, 6, 32), "frames of the answer")
    key = AESGCM(expand(extract(salt, secret), b"1\nanswer", 32))
    same(json.loads(key.decrypt(nonce(0), head, b"\x04")), {"status": answer["status"]}, "head of the answer")
    same(key.decrypt(nonce(1), last, b"\x06").decode(), answer["text"], "answer")


def check_clearing(run):
    clearing = Clearing(int(run["fee_ppm"]))
    for index, step in enumerate(run["steps"]):
        same(clearing.run(step["op"], step["now"]), step["result"], f"step {index}")
        same(sum(clearing.balance.values()), 0, f"step {index}: all balances")
        for owner, account in step["accounts"].items():
            found = (str(clearing.balance.get(owner, 0)), str(clearing.held.get(owner, 0)))
            same(found, (account["balance"], account["held"]), f"step {index}: {owner}")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        vectors = json.load(file)
    check_documents(vectors)
    check_sealing(vectors)
    check_relay(vectors)
    check_clearing(vectors["clearing_run"])
    print(json.dumps({"checks": checks}))


if __name__ == "__main__":
    main()
