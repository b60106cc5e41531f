"""The policy for new passwords (NIST SP 800-63B-4): long, and not among the first guesses.

It has no rules of composition, and measures no strength. Known parts of a password are looked up
and left out, in time linear in its length.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files

from server.errors import InvalidInput

MIN_LENGTH = 15
# Checked before anything else is done with a password: normalising takes quadratic time.
MAX_LENGTH = 256
# The minimum left of a password without the parts that an attacker tries first.
_MIN_LEFT = 8
_MIN_DIFFERENT_LEFT = 6
_MIN_WORD = 3
_MAX_WORDS_ABOUT = 100
_PRODUCT = "tessera"
_WALK = 4
_KEYBOARDS = (
    *("qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm"),
    *("azertyuiop", "qsdfghjklm", "wxcvbn", "йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю"),
    # Column by column, down and down, down and up, and two rows in zigzag.
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "1qazxsw23edcvfr45tgbnhy67ujmki89olp0",
    "qazwsxedcrfvtgbyhnujmikolp",
    "qazxswedcvfrtgbnhyujmkiolp",
    "1q2w3e4r5t6y7u8i9o0p",
    "qawsedrftgyhujikolp",
    "asdfqwerzxcvqwerasdfzxcv",
)
_SEQUENCES = ("01234567890", "abcdefghijklmnopqrstuvwxyz", "абвгдежзийклмнопрстуфхцчшщъыьэюя")
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
# The same letter in disguise; 1 stands for two, so there are two tables.
_DISGUISES = (
    str.maketrans("013457@$!", "oieastasi"),
    str.maketrans("013457@$!", "oleastasl"),
)
_SEPARATORS = re.compile(r"[\s!-/:-@\[-`{-~]")
# Symbols that stand for letters are not taken for separators before it was tried to read them.
_SPACING = re.compile(r"[\s\"-#%-/:-?\[-`{-~]")


def check_new_password(password: str, field: str, about: Sequence[str]) -> None:
    """Refuse a password that is too short, too long or easily guessed.

    about: public facts about its owner (name, e-mail, tenant). Raises `InvalidInput`, which
    names `field`.
    """
    if len(password) > MAX_LENGTH:
        raise InvalidInput(field, f"A password has at most {MAX_LENGTH} characters.")
    folded = normal(password)
    if len(folded) < MIN_LENGTH:
        raise InvalidInput(field, f"A password has at least {MIN_LENGTH} characters.")
    if not _is_hard_to_guess(folded, about):
        raise InvalidInput(
            field,
            "This password is easily guessed: it is common, repeats itself, or is made of names,"
            " common words and sequences. Enter another one.",
        )


def normal(password: str) -> str:
    """One form for one text on every keyboard (SP 800-63B-4, section 3.1.1.2).

    Call it with at most `MAX_LENGTH` characters.
    """
    return unicodedata.normalize("NFKC", password)


def _is_hard_to_guess(password: str, about: Sequence[str]) -> bool:
    text = _SPACING.sub("", password.casefold())
    unit = text[: _period(text)]
    if unit != text and len(unit) < MIN_LENGTH:
        return False
    left = _unknown(unit, _by_start([*_words_about(about), _PRODUCT]))
    return len(left) >= _MIN_LEFT and len(set(left)) >= _MIN_DIFFERENT_LEFT


def _period(text: str) -> int:
    """The length of the shortest text that `text` is a repetition of, the last one cut or not.

    The failure function of Knuth, Morris and Pratt, in linear time.
    """
    borders = [0] * len(text)
    border = 0
    for at in range(1, len(text)):
        while border and text[at] != text[border]:
            border = borders[border - 1]
        border += text[at] == text[border]
        borders[at] = border
    period = len(text) - border
    return period if period <= len(text) // 2 else len(text)


def _unknown(text: str, own: dict[str, list[str]]) -> str:
    """The rest of `text` without words, walks, sequences, years and separators."""
    views = {text, *(text.translate(table) for table in _DISGUISES)}
    known = bytearray(len(text))
    for at in range(len(text)):
        end = max(
            _end_of_pattern(text, at),
            *(_end_of_word(view, at, words) for view in views for words in (_COMMON, own)),
        )
        known[at:end] = b"\1" * (end - at)
    left = (char for char, is_known in zip(text, known, strict=True) if not is_known)
    return _SEPARATORS.sub("", "".join(left))


def _end_of_word(text: str, at: int, words: dict[str, list[str]]) -> int:
    found = (word for word in words.get(text[at : at + _MIN_WORD], ()) if text.startswith(word, at))
    return at + max(map(len, found), default=0)


def _end_of_pattern(text: str, at: int) -> int:
    if text[at : at + _WALK] in _WALKS or _YEAR.match(text, at):
        return at + _WALK
    if text[at : at + 3] in _DIGITS or text[at : at + 3] == text[at : at + 1] * 3:
        return at + 3
    return at


def _words_about(about: Iterable[str]) -> set[str]:
    """The words of the facts about a person, as they may stand in a password."""
    words: set[str] = set()
    for text in about:
        folded = normal(text[:MAX_LENGTH]).casefold()
        parts = re.split(r"[\W_]+", folded)
        words.update(part for part in [*parts, "".join(parts)] if len(part) >= _MIN_WORD)
    return set(sorted(words)[:_MAX_WORDS_ABOUT])


def _by_start(words: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for word in words:
        found.setdefault(word[:_MIN_WORD], []).append(word)
    return found


def _runs(texts: Iterable[str], length: int) -> Iterator[str]:
    for text in texts:
        for way in (text, text[::-1]):
            yield from (way[at : at + length] for at in range(len(way) - length + 1))


def _common_words() -> list[str]:
    lines = files("server.passwords").joinpath("common.txt").read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


_COMMON = _by_start(_common_words())
_WALKS = frozenset(_runs((*_KEYBOARDS, *_SEQUENCES), _WALK))
_DIGITS = frozenset(_runs(_SEQUENCES[:1], 3))
