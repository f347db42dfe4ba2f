"""A line for each mistake: place, what is wrong, remedy. Never the value, which may be a secret."""

import types
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from connector.settings.types import alternatives

Loc = Sequence[int | str]
_TEXTS = {
    "string_type": "must be text; put it in quotes",
    "string_pattern_mismatch": "has other characters than letters, digits, dots, dashes and underscores, or "
    "too many; choose another name",
    "too_short": "has no entries; add one",
    "missing": "is missing; add it",
    "string_too_short": "is empty; give a value or remove the line",
    "bool_type": "must be true or false; write one of them",
    "bool_parsing": "must be true or false; write one of them",
    "dict_type": "must be a mapping; write its options indented below it",
    "model_type": "must be a mapping; write its options indented below it",
    "tuple_type": "must be a list; write its elements as `- …`",
    "path_type": "must be a path; write it in quotes",
    "union_tag_not_found": "is missing; add yespo or metrica",
    "finite_number": "must be a finite number; write it in digits",
}
_TEXTS |= dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "must be a whole number; write digits")
_TEXTS |= dict.fromkeys(("float_type", "float_parsing"), "must be a number; write digits")


def report(error: ValidationError, model: type[BaseModel], known: Sequence[str] = ()) -> list[str]:
    """Every mistake that pydantic found, but those at places that `known` lines name already."""
    said = {line.split(":")[0] for line in known}
    found = error.errors(include_url=False, include_input=True)
    lines = (_line(one, model) for one in found if not _follows(one, found))
    return list(dict.fromkeys(line for line in lines if line.split(":")[0] not in said))


def _follows(error: ErrorDetails, found: Sequence[ErrorDetails]) -> bool:
    """Whether a list is too short only because its entries are wrong."""
    loc = error["loc"]
    return error["type"] == "too_short" and any(one["loc"][: len(loc)] == loc != one["loc"] for one in found)


def place(loc: Loc) -> str:
    """`topics[0].fields.totalCost` from pydantic's location."""
    text = ""
    for part in _without_tag(loc):
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".") or "the file"


def _line(error: ErrorDetails, model: type[BaseModel]) -> str:
    where = place(error["loc"]) + (".type" if error["type"].startswith("union_tag") else "")
    return f"{where}: {_text(error, model)}"


def _text(error: ErrorDetails, model: type[BaseModel]) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_option(error["loc"], model)
    if kind in {"literal_error", "enum", "union_tag_invalid"}:
        return _wrong_word(str(context.get("expected") or context.get("expected_tags")), error.get("input"))
    if kind == "value_error":
        return str(context["error"])
    return _TEXTS.get(kind) or _limit(error)


def _limit(error: ErrorDetails) -> str:
    """Pydantic's own words, which hold limits but no input."""
    words = error["msg"].removeprefix("Input should be ").removeprefix("Value should ")
    return f"must be {words}; correct it"


def _unknown_option(loc: Loc, model: type[BaseModel]) -> str:
    *above, name = _without_tag(loc)
    options = sorted({option for found in _models(model, above) for option in found.model_fields})
    close = get_close_matches(str(name), options, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(options)}"
    return f"is not an option; {hint}"


def _wrong_word(expected: str, given: object) -> str:
    words = [word.strip(" '") for word in expected.replace(" or ", ", ").split(",")]
    tag = given.get("type") if isinstance(given, dict) else given
    close = get_close_matches(str(tag), words, n=1)
    return f"must be {alternatives(words)}; " + (
        f"did you mean {close[0]}?" if close else "choose one of them"
    )


def _without_tag(loc: Loc) -> list[int | str]:
    """A destination's location has its type as a third part, which is not in the file."""
    parts = list(loc)
    return parts[:2] + parts[3:] if parts[:1] == ["destinations"] and len(parts) > 2 else parts  # noqa: PLR2004


def _models(annotation: Any, path: Loc) -> Iterator[type[BaseModel]]:
    """The models that a location below an annotation may be of."""
    if get_origin(annotation) in {Union, types.UnionType}:
        for option in get_args(annotation):
            yield from _models(option, path)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if not path:
            yield annotation
        elif path[0] in annotation.model_fields:
            yield from _models(annotation.model_fields[str(path[0])].annotation, path[1:])
    elif inner := get_args(annotation):
        value = inner[1] if get_origin(annotation) is dict else inner[0]
        yield from _models(value, path if hasattr(annotation, "__metadata__") else path[1:])
