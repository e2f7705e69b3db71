"""Names for new domains, products and columns: ones that nobody ever has to quote."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Iterable
from functools import cache

import duckdb

from platform_resources.contracts.names import NAME_RULE, RESERVED_DOMAIN_NAMES, RESERVED_NAMES, is_name
from platform_resources.self_service.changeset import ScaffoldError

_LONGEST = 63
_SPELT_OUT = {
    "ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe", "å": "aa", "&": " and ",
    "%": " percent ", "#": " number ",
    "€": " eur ", "$": " usd ",
}  # fmt: skip
# What `domains/` holds beside the domains' folders.
_TAKEN_MODULES = frozenset({"definitions"})


@cache
def sql_words() -> frozenset[str]:
    """The words that DuckDB takes for a part of its language wherever they stand."""
    with duckdb.connect() as con:
        return frozenset(
            word
            for (word,) in con.execute(
                "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category IN ('reserved', 'type_function')"
            ).fetchall()
        )


def check_new_name(name: str, what: str) -> str:
    """`name`, if a new domain or product may bear it.

    Raises
    ------
    ScaffoldError
        with a name that can be borne, where one can be guessed.
    """
    reserved = RESERVED_DOMAIN_NAMES | _TAKEN_MODULES if what == "domain" else RESERVED_NAMES
    if not is_name(name):
        near = as_identifier(name)
        hint = f" (perhaps {near})" if near else ""
        raise ScaffoldError(f"{name!r} can't name a {what}: use {NAME_RULE}{hint}", asked_wrongly=True)
    if name in reserved:
        raise ScaffoldError(f"{name!r} is reserved for the platform; choose another name", asked_wrongly=True)
    if name in sql_words():
        raise ScaffoldError(
            f"{name!r} is a word of SQL, so its readers would have to quote it; choose another name, such as "
            f"{name}_{'team' if what == 'domain' else 'list'}",
            asked_wrongly=True,
        )
    if what == "domain" and keyword.iskeyword(name):
        raise ScaffoldError(f"{name!r} is a word of Python, where a domain is a package", asked_wrongly=True)
    return name


def as_identifier(text: str) -> str:
    """`text` as a name, as far as it has letters or digits; else empty.

    >>> as_identifier("E-Mail Adresse"), as_identifier("2. Größe (€)"), as_identifier("customerID")
    ('e_mail_adresse', 'n2_groesse_eur', 'customer_id')
    """
    spelt = "".join(_SPELT_OUT.get(character.lower(), character) for character in text)
    plain = "".join(c for c in unicodedata.normalize("NFKD", spelt) if not unicodedata.combining(c))
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", plain)
    name = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")
    if name[:1].isdigit():
        name = f"n{name}"
    return name[:_LONGEST].strip("_")


def column_names(written: Iterable[str]) -> list[str]:
    """A name for each written one, distinct, no word of SQL, in their order; `column_3` for one without letters.

    >>> column_names(["Order", "e-mail", "E Mail", "", "id"])
    ['order_column', 'e_mail', 'e_mail_2', 'column_4', 'id']
    """
    columns = list(written)
    taken = {name for name in columns if _is_free(name)}
    made: list[str] = []
    for number, name in enumerate(columns, 1):
        if _is_free(name) and name not in made:
            made.append(name)
            continue
        wanted = as_identifier(name) or f"column_{number}"
        if wanted in sql_words():
            wanted = f"{wanted}_column"
        candidate, count = wanted, 1
        while candidate in taken:
            count += 1
            candidate = f"{wanted[: _LONGEST - len(str(count)) - 1]}_{count}"
        taken.add(candidate)
        made.append(candidate)
    return made


def _is_free(name: str) -> bool:
    return is_name(name) and name not in sql_words()
