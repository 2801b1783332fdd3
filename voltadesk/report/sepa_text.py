"""Text in the characters that every bank in SEPA takes: Latin letters, digits, blank and / - ? : ( ) . , ' +

After the conversion table of the EPC (EPC217-08): letters lose their accents, Greek and Bulgarian ones become Latin,
and what has no like becomes a full stop. Where the table has a full stop for a letter with an accent, the letter stays.
"""

from __future__ import annotations

import string
import unicodedata

ALLOWED = frozenset(string.ascii_letters + string.digits + " /-?:().,'+")

_SIGNS = str.maketrans(
    {
        "&": "+", "_": "-", "~": "-", ";": ",", "[": "(", "{": "(", "]": ")", "}": ")", "\\": "/", "|": "/", "`": "'",
        "€": "E", "¿": "?", "‘": "'", "’": "'", "‐": "-", "‑": "-", "–": "-", "—": "-", "−": "-",
    }
)  # fmt: skip

_LETTERS = {  # those that don't come apart into a plain letter and an accent
    "Æ": "A", "Ð": "D", "Đ": "D", "Ħ": "H", "Ĳ": "I", "Ł": "L", "Ŀ": "L", "Ø": "O", "Œ": "O", "Þ": "B", "Ŧ": "T",
    "æ": "a", "ð": "d", "đ": "d", "ħ": "h", "ĳ": "i", "ł": "l", "ŀ": "l", "ø": "o", "œ": "o", "þ": "p", "ŧ": "t",
    "ı": "i", "ß": "s", "ẞ": "S",
    "Α": "A", "Β": "V", "Γ": "G", "Δ": "D", "Ε": "E", "Ζ": "Z", "Η": "I", "Θ": "TH", "Ι": "I", "Κ": "K", "Λ": "L",
    "Μ": "M", "Ν": "N", "Ξ": "X", "Ο": "O", "Π": "P", "Ρ": "R", "Σ": "S", "Τ": "T", "Υ": "Y", "Φ": "F", "Χ": "CH",
    "Ψ": "PS", "Ω": "O",
    "А": "A", "Б": "B", "В": "V", "Г": "G", "Д": "D", "Е": "E", "Ж": "ZH", "З": "Z", "И": "I", "Й": "Y", "К": "K",
    "Л": "L", "М": "M", "Н": "N", "О": "O", "П": "P", "Р": "R", "С": "S", "Т": "T", "У": "U", "Ф": "F", "Х": "H",
    "Ц": "TS", "Ч": "CH", "Ш": "SH", "Щ": "SHT", "Ъ": "A", "Ь": "Y", "Ю": "YU", "Я": "YA",
}  # fmt: skip
_LETTERS |= {letter.lower(): latin.lower() for letter, latin in _LETTERS.items() if letter > "Ͱ"} | {"ς": "s"}


def sepa_text(text: str, longest: int) -> str:
    """A text for a bank file, cut to `longest` characters; a full stop where nothing of it is left."""
    converted = "".join(map(_latin, unicodedata.normalize("NFC", text).translate(_SIGNS)))
    return converted[:longest].strip() or "."


def _latin(character: str) -> str:
    if character in ALLOWED:
        return character
    if character.isspace():
        return " "
    if character in _LETTERS:
        return _LETTERS[character]
    base = unicodedata.normalize("NFD", character)[0]
    return _LETTERS.get(base, base if base in ALLOWED else ".")
