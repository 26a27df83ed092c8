"""Names as a person looks for them, without case, marks or apostrophes, in the alphabet's order."""

from sqlalchemy import ColumnElement, func


def folded(name: ColumnElement[str]) -> ColumnElement[str]:
    """What two spellings of one name have in common, by a function of the database.

    It is immutable, so that an index can hold it; a change of it is another function.
    """
    return func.folded(name)
