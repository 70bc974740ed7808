"""Texts with and without personal data, made by Faker, and what Presidio's pattern recognisers find in them: JSON Lines on standard output.

    python firewall_corpus.py SEED POSITIVES

Each line: {"group", "text", "spans": [[start, end, kind]], "presidio": [[start, end, kind, score]]}. Places are UTF-16 units. Of each ten texts and more, one has spans.
"""

import base64
import hashlib
import hmac
import ipaddress
import json
import random
import re
import string
import sys
import sysconfig
from pathlib import Path

import spacy
import tldextract
from faker import Faker
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer import predefined_recognizers as recognizers
from presidio_analyzer.nlp_engine import SpacyNlpEngine
from stdnum import verhoeff
from stdnum.de import idnr

NEGATIVES_PER_POSITIVE = 10
LOCALES = (
    "en_US de_DE fr_FR es_ES it_IT pl_PL pt_BR nl_NL cs_CZ da_DK el_GR ru_RU uk_UA ar_AA he_IL fa_IR ja_JP zh_CN ko_KR th_TH vi_VN hy_AM bn_BD"
).split()

# ---- entities -------------------------------------------------------------------------------------------------------------------------


def email(rng, fakes):
    fake = fakes[rng.choice(LOCALES)]
    made = rng.choice([fake.email, fake.company_email, fake.ascii_free_email, fake.ascii_safe_email])()
    if rng.random() < 0.15:
        made = made.replace("@", f"+{rng.choice(['news', 'test', 'x1'])}@", 1)
    if rng.random() < 0.1:
        made = made.upper()
    return "email", made


PHONES = {
    "+": "de_DE fr_FR es_ES it_IT pl_PL pt_BR nl_NL cs_CZ da_DK ru_RU uk_UA en_GB sv_SE fi_FI no_NO".split(),
    "american": ["en_US"],
}


def phone_international(rng, fakes):
    for _ in range(200):
        made = fakes[rng.choice(PHONES["+"])].phone_number()
        if made.startswith("+"):
            return "phone_international", made
    return "phone_international", "+" + fakes["en_US"].msisdn()[:11]


def phone_american(rng, fakes):
    for _ in range(200):
        made = fakes["en_US"].phone_number()
        if not made.startswith("+"):
            return "phone_american", made
    raise AssertionError


def phone_national(rng, fakes):
    for _ in range(200):
        made = fakes[rng.choice(PHONES["+"])].phone_number()
        if not made.startswith("+"):
            return "phone_national", made
    raise AssertionError


def iban(rng, fakes):
    made = fakes[rng.choice("de_DE fr_FR es_ES it_IT pl_PL pt_PT nl_NL fi_FI no_NO en_GB de_AT de_CH".split())].iban()
    if rng.random() < 0.5:
        made = " ".join(made[at : at + 4] for at in range(0, len(made), 4))
    return "iban", made


def card(rng, fakes):
    made = fakes["en_US"].credit_card_number(rng.choice([None, "visa", "mastercard", "amex", "discover", "jcb16", "diners"]))
    form = rng.random()
    if form < 0.5 and len(made) in (15, 16):
        separator = rng.choice(" -")
        sizes = (4, 6, 5) if len(made) == 15 else (4, 4, 4, 4)
        parts, at = [], 0
        for size in sizes:
            parts.append(made[at : at + size])
            at += size
        made = separator.join(parts)
    return "card", made


def national_id(rng, fakes):
    country = rng.choice(["us", "br", "es", "es2", "fr", "it", "gb", "in", "pl", "de"])
    fake = fakes
    if country == "us":
        made = fake["en_US"].ssn()
    elif country == "br":
        made = fake["pt_BR"].cpf()
    elif country == "es":
        made = fake["es_ES"].nif()
    elif country == "es2":
        made = fake["es_ES"].nie()
    elif country == "fr":
        made = fake["fr_FR"].ssn()
    elif country == "it":
        made = fake["it_IT"].ssn()
    elif country == "gb":
        # Faker's begin with ZZ and end with T, which nobody has.
        made = rng.choice(["AB", "CE", "JN", "KA", "PX", "SY", "WM", "YZ"]) + fake["en_GB"].ssn()[2:-1] + rng.choice("ABCD")
    elif country == "in":
        # Faker's have another sum than Verhoeff's.
        made = str(rng.randrange(2 * 10**10, 10**11))
        made += verhoeff.calc_check_digit(made)
        made = " ".join((made[:4], made[4:8], made[8:]))
    elif country == "de":
        made = german_tax_id(rng)
    else:
        made = fake["pl_PL"].pesel()
    return "national_id", made


def german_tax_id(rng):
    while True:
        digits = rng.sample("0123456789", 9)
        digits.insert(rng.randrange(10), rng.choice(digits))
        for last in "0123456789":
            made = "".join(digits) + last
            if made[0] != "0" and idnr.is_valid(made):
                return made


def ip(rng, fakes):
    fake = fakes["en_US"]
    form = rng.random()
    if form < 0.6:
        return "ip", fake.ipv4()
    if form < 0.8:
        return "ip", fake.ipv6()
    address = ipaddress.IPv6Address((0x20010DB8 << 96) | (rng.getrandbits(16) << 64) | rng.getrandbits(32))
    return "ip", str(address)


def characters(rng, alphabet, length):
    return "".join(rng.choice(alphabet) for _ in range(length))


ALNUM = string.ascii_letters + string.digits
URL_SAFE = ALNUM + "-_"


def token(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def secret(rng, fakes):
    """Keys in the forms that their vendors publish."""
    form = rng.randrange(14)
    if form == 0:
        made = "sk-proj-" + characters(rng, URL_SAFE, 74) + "T3BlbkFJ" + characters(rng, URL_SAFE, 74)
    elif form == 1:
        made = "sk-ant-api03-" + characters(rng, URL_SAFE, 93) + "AA"
    elif form == 2:
        made = "AKIA" + characters(rng, string.ascii_uppercase + "234567", 16)
    elif form == 3:
        made = rng.choice(["ghp_", "gho_", "ghs_"]) + characters(rng, ALNUM, 36)
    elif form == 4:
        made = "github_pat_" + characters(rng, ALNUM, 22) + "_" + characters(rng, ALNUM, 59)
    elif form == 5:
        made = "AIza" + characters(rng, URL_SAFE, 35)
    elif form == 6:
        made = f"xoxb-{rng.randrange(10**11, 10**12)}-{rng.randrange(10**12, 10**13)}-" + characters(rng, ALNUM, 24)
    elif form == 7:
        made = rng.choice(["sk_live_", "rk_live_"]) + characters(rng, ALNUM, 24)
    elif form == 8:
        made = "glpat-" + characters(rng, URL_SAFE, 20)
    elif form == 9:
        made = "npm_" + characters(rng, ALNUM, 36)
    elif form == 10:
        made = "hf_" + characters(rng, string.ascii_letters, 34)
    elif form == 11:
        made = "SG." + characters(rng, URL_SAFE, 22) + "." + characters(rng, URL_SAFE, 43)
    elif form == 12:
        head = token(b'{"alg":"HS256","typ":"JWT"}')
        body = token(json.dumps({"sub": fakes["en_US"].uuid4(), "name": fakes["en_US"].name(), "iat": rng.randrange(10**9)}).encode())
        made = f"{head}.{body}." + token(hmac.new(b"key", f"{head}.{body}".encode(), hashlib.sha256).digest())
    else:
        body = base64.b64encode(rng.randbytes(600)).decode()
        lines = "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
        name = rng.choice(["RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY"])
        made = f"-----BEGIN {name}-----\n{lines}\n-----END {name}-----"
    return "secret", made


ENTITIES = [email, phone_international, phone_american, phone_national, iban, card, national_id, ip, secret]

# ---- what is around them --------------------------------------------------------------------------------------------------------------


def frame(rng, fake, made, kind):
    """A text before and one behind an entity."""
    words = lambda: fake.sentence(nb_words=rng.randrange(3, 9))
    name = "phone" if kind.startswith("phone") else kind
    frames = [
        lambda: (words() + " ", rng.choice([" ", ". ", ", ", "; "]) + words()),
        lambda: (words() + " ", "."),
        lambda: (words() + " (", ") " + words()),
        lambda: (f'{{"id": {rng.randrange(10**6)}, "{name}": "', '", "ok": true}'),
        lambda: (f"{name.upper()}=", "\nDEBUG=1"),
        lambda: (f"| {fake.first_name()} | ", f" | {rng.randrange(100)} |"),
        lambda: (f"{fake.last_name()};{rng.randrange(1000)};", f";{fake.date()}"),
        lambda: (f"{name}: ", "\n" + words()),
        lambda: (f"<td>{rng.randrange(99)}</td><td>", "</td>"),
        lambda: (f"const {name} = '", "';"),
        lambda: (f"{fake.iso8601()} INFO user {name}=", f" took {rng.randrange(900)}ms"),
        lambda: ("", ""),
    ]
    return rng.choice(frames)()


# ---- texts without ----------------------------------------------------------------------------------------------------------------------


def numbers(rng, fake):
    """Numbers and names that are none of the kinds."""
    made = [
        lambda: fake.uuid4(),
        lambda: fake.sha1(),
        lambda: fake.sha256(),
        lambda: fake.md5(),
        lambda: fake.iso8601(),
        lambda: fake.date(),
        lambda: fake.time(),
        lambda: "978-" + fake.isbn10(),
        lambda: fake.isbn13(),
        lambda: fake.isbn13(separator=""),
        lambda: fake.ean13(),
        lambda: fake.ean8(),
        lambda: fake.mac_address(),
        lambda: f"v{rng.randrange(20)}.{rng.randrange(40)}.{rng.randrange(99)}",
        lambda: f"version {rng.randrange(9)}.{rng.randrange(9)}.{rng.randrange(9)}.{rng.randrange(9)}",
        lambda: f"{rng.randrange(9)}.{rng.randrange(20)}.{rng.randrange(300, 9000)}.{rng.randrange(200)}",
        lambda: fake.user_agent(),
        lambda: str(rng.randrange(10**9, 2 * 10**9)),
        lambda: str(rng.randrange(16 * 10**11, 18 * 10**11)),
        lambda: f"{rng.uniform(-90, 90):.6f}, {rng.uniform(-180, 180):.6f}",
        lambda: f"{rng.randrange(10**7):,}.{rng.randrange(100):02}",
        lambda: f"$ {rng.randrange(10**5)}.{rng.randrange(100):02} for {rng.randrange(10**3)} pieces",
        lambda: f"order {rng.randrange(10**9, 10**10)}",
        lambda: f"#{rng.randrange(10**4)}-{rng.randrange(10**3)}-{rng.randrange(10**4)}",
        lambda: fake.license_plate(),
        lambda: fake.hex_color(),
        lambda: f"{rng.randrange(1, 99)}:{rng.randrange(60):02}:{rng.randrange(60):02}.{rng.randrange(1000):03}",
        lambda: f"0x{rng.getrandbits(64):016x}",
        lambda: f"pip install {fake.word()}=={rng.randrange(9)}.{rng.randrange(30)}.{rng.randrange(9)}",
        lambda: f"npm i @{fake.user_name()}/{fake.word()}@{rng.randrange(9)}.{rng.randrange(30)}.{rng.randrange(9)}",
        lambda: f"git clone git@github.com:{fake.user_name()}/{fake.word()}.git",
        lambda: f"@{fake.user_name()} wrote: ",
        lambda: f"@app.route('/{fake.uri_path()}')",
        lambda: f"docker pull {fake.word()}@sha256:{fake.sha256()}",
        lambda: f"std::{fake.word()}::{fake.word()}::npos",
        lambda: f"ISO {rng.randrange(1000, 99999)}-{rng.randrange(1, 9)}:{rng.randrange(1990, 2026)}",
        lambda: f"room {rng.randrange(900)}-{rng.randrange(10, 99)}-{rng.randrange(100, 999)}",
        lambda: "".join(str(rng.randrange(10)) for _ in range(rng.choice([8, 9, 11, 12, 14, 20, 24]))),
        lambda: " ".join(f"{rng.randrange(10**4):04}" for _ in range(rng.choice([2, 3, 4, 6]))),
        lambda: ", ".join(str(rng.randrange(300)) for _ in range(8)),
        lambda: f"sk-{fake.word()}-{fake.word()}",
        lambda: "AK" + characters(rng, string.ascii_uppercase, 10),
        lambda: f"{fake.currency_code()} {rng.randrange(10**8)}",
        lambda: f"{characters(rng, string.ascii_uppercase, 2)}{rng.randrange(10**6, 10**8)}",
        lambda: fake.vin() if hasattr(fake, "vin") else fake.bothify("?????####"),
        lambda: f"RFC {rng.randrange(9000)} section {rng.randrange(9)}.{rng.randrange(9)}.{rng.randrange(9)}.{rng.randrange(9)}",
        lambda: base64.b64encode(rng.randbytes(rng.randrange(10, 60))).decode(),
    ]
    return rng.choice(made)()


def log_line(rng, fake):
    level = rng.choice(["INFO", "WARN", "DEBUG", "ERROR"])
    return rng.choice(
        [
            lambda: f"{fake.iso8601()} {level} [{fake.word()}-{rng.randrange(32)}] {fake.sentence()} id={fake.uuid4()} ms={rng.randrange(9999)}",
            lambda: f'{{"time":{rng.randrange(17 * 10**11, 18 * 10**11)},"level":{rng.randrange(60)},"msg":"{fake.sentence()}","pid":{rng.randrange(65535)}}}',
            lambda: f"[{fake.date()} {fake.time()}] {level} {fake.file_path()}:{rng.randrange(999)} {fake.sentence()}",
            lambda: f"{fake.word()}.go:{rng.randrange(999)}: {rng.random():.9f}s ok {rng.randrange(10**12)}",
            lambda: f"    at {fake.word()}.{fake.word()} (node:internal/{fake.word()}:{rng.randrange(999)}:{rng.randrange(99)})",
        ]
    )()


def code_pieces(rng):
    """Pieces of the standard library of Python, without what may be an address."""
    root = Path(sysconfig.get_paths()["stdlib"])
    files = sorted(path for path in root.glob("*.py")) + sorted((root / "json").glob("*.py")) + sorted((root / "asyncio").glob("*.py"))
    lines = []
    for path in files:
        text = path.read_text(encoding="utf-8", errors="ignore").splitlines()
        lines += [text[at : at + 6] for at in range(0, len(text) - 6, 6)]
    rng.shuffle(lines)
    for piece in lines:
        text = "\n".join(piece)
        if text.strip() and not re.search(r"@|::|\d+\.\d+\.\d+\.\d+", text):
            yield text


def negative(rng, fakes, code):
    form = rng.random()
    fake = fakes[rng.choice(LOCALES)]
    if form < 0.3:
        return "prose", " ".join(fake.paragraph(nb_sentences=3).split())
    if form < 0.7:
        own = numbers(rng, fakes["en_US"])
        before, behind = frame(rng, fake, own, "id")
        return "numbers", before + own + behind
    if form < 0.85:
        return "log", log_line(rng, fakes["en_US"])
    return "code", next(code)


# ---- Presidio ---------------------------------------------------------------------------------------------------------------------------

KINDS = {
    "EMAIL_ADDRESS": "email",
    "PHONE_NUMBER": "phone",
    "IBAN_CODE": "iban",
    "CREDIT_CARD": "card",
    "IP_ADDRESS": "ip",
    "US_SSN": "national_id",
    "ES_NIF": "national_id",
    "ES_NIE": "national_id",
    "IT_FISCAL_CODE": "national_id",
    "UK_NINO": "national_id",
    "IN_AADHAAR": "national_id",
    "PL_PESEL": "national_id",
}


class BlankModel(SpacyNlpEngine):
    def __init__(self):
        super().__init__(models=[{"lang_code": "en", "model_name": "en"}])
        self.nlp = {"en": spacy.blank("en")}

    def load(self):
        pass

    def is_loaded(self):
        return True


def create_analyzer():
    # Its list of domains is the one that comes with the library: nothing is fetched.
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    tldextract.extract = tldextract.tldextract.TLD_EXTRACTOR
    registry = RecognizerRegistry()
    registry.recognizers = [
        recognizers.EmailRecognizer(),
        recognizers.PhoneRecognizer(),
        recognizers.IbanRecognizer(),
        recognizers.CreditCardRecognizer(),
        recognizers.IpRecognizer(),
        recognizers.UsSsnRecognizer(),
        recognizers.EsNifRecognizer(supported_language="en"),
        recognizers.EsNieRecognizer(supported_language="en"),
        recognizers.ItFiscalCodeRecognizer(supported_language="en"),
        recognizers.UkNinoRecognizer(),
        recognizers.InAadhaarRecognizer(),
        recognizers.PlPeselRecognizer(supported_language="en"),
    ]
    return AnalyzerEngine(registry=registry, nlp_engine=BlankModel(), supported_languages=["en"])


def units(text, at):
    return len(text[:at].encode("utf-16-le")) // 2


def main():
    seed, positives = int(sys.argv[1]), int(sys.argv[2])
    rng = random.Random(seed)
    Faker.seed(seed)
    fakes = {locale: Faker(locale) for locale in {*LOCALES, *PHONES["+"], "en_US", "en_GB", "en_IN", "pt_PT", "de_AT", "de_CH"}}
    analyzer = create_analyzer()
    code = code_pieces(rng)
    for at in range(positives * (1 + NEGATIVES_PER_POSITIVE)):
        spans = []
        if at % (1 + NEGATIVES_PER_POSITIVE) == 0:
            kind, made = ENTITIES[(at // (1 + NEGATIVES_PER_POSITIVE)) % len(ENTITIES)](rng, fakes)
            before, behind = frame(rng, fakes[rng.choice(LOCALES)], made, kind)
            group, text = kind, before + made + behind
            spans = [[len(before), len(before) + len(made), kind]]
        else:
            group, text = negative(rng, fakes, code)
        found = analyzer.analyze(text=text, language="en")
        line = {
            "group": group,
            "text": text,
            "spans": [[units(text, start), units(text, end), kind] for start, end, kind in spans],
            "presidio": [[units(text, each.start), units(text, each.end), KINDS[each.entity_type], each.score] for each in found],
        }
        print(json.dumps(line))


main()
