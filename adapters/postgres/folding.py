# ruff: noqa: RUF002 - it is about letters that look alike
"""Names as a person looks for them, without case, marks or apostrophes, in the alphabet's order.

Made by functions that every PostgreSQL has, since some are built without ICU's collations. What
comes out is in the order of the alphabet also where code points are not: Ё stands beside Е, Ä
beside A, and й keeps its place behind и.
"""

from sqlalchemy import ColumnElement, func, literal_column

APOSTROPHES = "'’ʼ‘`´ʹʻ"  # noqa: RUF001 - what people type
MARKS = "[\u0300-\u036f]"
NO_MARKS_OF_THEIR_OWN = ("øłđıþ", "oldit")
NFKD: ColumnElement[str] = literal_column("NFKD")


def folded(name: ColumnElement[str]) -> ColumnElement[str]:
    """What two spellings of one name have in common."""
    apart = func.normalize(func.lower(name), NFKD)
    short_i_kept = func.replace(apart, "и\u0306", "й")
    bare = func.regexp_replace(short_i_kept, MARKS, "", "g")
    without_strokes = func.translate(bare, *NO_MARKS_OF_THEIR_OWN)
    for ligature, letters in (("ß", "ss"), ("æ", "ae"), ("œ", "oe")):
        without_strokes = func.replace(without_strokes, ligature, letters)
    return func.translate(without_strokes, APOSTROPHES, "")
