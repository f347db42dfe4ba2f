"""The configuration as a tree: read from YAML, then overlaid by the environment."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from connector.errors import ConfigError

PREFIX: Final = "CRM_CONNECTOR__"
_LISTS: Final = frozenset({"topics", "null_defaults"})
_TAG: Final = "tag:yaml.org,2002:"
Tree = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """YAML 1.2's words: `no`, `12:30`, `0123` and dates stay text, and so does every key, given once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key.value} is given twice", key.start_mark
                )
            seen.add(key.value)
            if key.tag != f"{_TAG}merge":
                key.tag = f"{_TAG}str"
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {}
for _tag, _form, _first in (
    ("null", r"~|null|", ["~", "n", ""]),
    ("bool", r"true|false", ["t", "f"]),
    ("int", r"[-+]?(0|[1-9][0-9]*)", list("-+0123456789")),
    ("float", r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
    ("merge", r"<<", ["<"]),
):
    _Loader.add_implicit_resolver(f"{_TAG}{_tag}", re.compile(f"^(?:{_form})$"), _first)


def read(path: Path) -> Tree:
    """The file as a tree. Raises ConfigError with line and column, never with the content."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text in UTF-8"
        raise ConfigError(f"{path}: cannot be read ({reason}); name the configuration with -c FILE") from None
    tree = _parse(text, str(path))
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: holds no options; start with kafka:, topics: and destinations:")
    return tree


def overlay(tree: Tree, environment: Mapping[str, str]) -> tuple[Tree, list[str]]:
    """The tree with `CRM_CONNECTOR__…` put in, and what is wrong with these names. Changes nothing given."""
    node: Any = tree
    problems: list[str] = []
    for name in sorted((name for name in environment if name.startswith(PREFIX)), key=_natural):
        try:
            node = _put(node, name.removeprefix(PREFIX).split("__"), _value(name, environment[name]), ())
        except ConfigError as error:
            problems += error.problems
        except LookupError as error:
            problems.append(f"{name}: {error.args[0]}")
    return node, problems


def _parse(text: str, source: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{source}:{mark.line + 1}:{mark.column + 1}" if mark else source
        raise ConfigError(f"{place}: is not valid YAML ({error.problem}); correct it there") from None
    except (yaml.YAMLError, ValueError):
        raise ConfigError(f"{source}: is not valid YAML; correct it there") from None


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort key: list indexes by number, so that they come in order."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in name.split("__")]


def _value(name: str, text: str) -> Any:
    """A list or mapping in YAML's flow form, else the text itself."""
    return _parse(text, name) if text[:1] in {"{", "["} else text


def _put(node: Any, parts: list[str], value: Any, above: tuple[str, ...]) -> Any:
    if not parts:
        return value
    if node is None:
        node = [] if above[-1:] and above[-1] in _LISTS else {}
    head, rest = parts[0], parts[1:]
    if isinstance(node, list):
        index = _index(head, len(node))
        old = node[index] if index < len(node) else None
        return [*node[:index], _put(old, rest, value, (*above, "")), *node[index + 1 :]]
    if isinstance(node, dict):
        key = _key(node, head, above)
        return {**node, key: _put(node.get(key), rest, value, (*above, key))}
    raise LookupError(f"{'.'.join(above)} is a single value; set it without __{head}")


def _index(part: str, length: int) -> int:
    if part.isdecimal() and int(part) <= length:
        return int(part)
    raise LookupError(f"{part} is no place in a list of {length}; number its elements from 0 without gaps")


def _key(node: Tree, part: str, above: tuple[str, ...]) -> str:
    """A key that is there in another case; else as it is written, upper case read as lower."""
    if not part:
        raise LookupError("has an empty level; write two underscores between levels, no more")
    name = _property(part) if above == ("kafka", "properties") else part
    for key in node:
        if str(key).lower() == name.lower():
            return key
    return name.lower() if name == name.upper() else name


def _property(part: str) -> str:
    """SASL_PASSWORD_FILE → sasl.password_file: a shell takes no dots in names."""
    name, suffix = re.fullmatch(r"(.*?)(_file)?", part.lower(), re.DOTALL).groups()  # type: ignore[union-attr]
    return name.replace("_", ".") + (suffix or "")
