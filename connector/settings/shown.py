"""The configuration as it is in force, file, environment and defaults together, to be shown to anybody."""

import re
from typing import Any, Final

import yaml

from connector.settings import Settings, kafka

MASK: Final = "***"
_USERINFO: Final = re.compile(r"(?<=://)([^/?]*)(?=@)")
_PASSWORD: Final = re.compile(r"(?<=[?&])((?:ssl)?password|passfile)=[^&]*", re.IGNORECASE)


def shown(settings: Settings) -> str:
    """YAML that could be read again, but for its secrets: each is `***`. Files are named, not read."""
    tree = settings.model_dump(mode="json", exclude_none=True)
    properties = tree["kafka"]["properties"]
    for name in properties:
        if kafka.is_secret(name) and not name.endswith("_file"):
            properties[name] = MASK
    tree["ledger"] = _ledger(tree["ledger"])
    text = yaml.safe_dump(_masked(tree), sort_keys=False, allow_unicode=True, width=110)
    return str(text)


def _ledger(tree: dict[str, Any]) -> dict[str, Any]:
    if "url_file" in tree:
        return {name: value for name, value in tree.items() if name != "url"}
    hidden = _PASSWORD.sub(rf"\1={MASK}", _USERINFO.sub(_without_password, tree["url"]))
    return {**tree, "url": hidden}


def _without_password(found: re.Match[str]) -> str:
    user, colon, _ = found[0].partition(":")
    return f"{user}:{MASK}" if colon else user


def _masked(tree: Any) -> Any:
    """Secrets are stars here, as many as pydantic writes."""
    if isinstance(tree, dict):
        return {name: _masked(value) for name, value in tree.items()}
    if isinstance(tree, list):
        return [_masked(value) for value in tree]
    return MASK if isinstance(tree, str) and tree and not tree.strip("*") else tree
