"""A fixed writer schema from a local .avsc file, for teams without a registry."""

from pathlib import Path

from connector.core.avro import SchemaInvalid, parse
from connector.core.reader import reader
from connector.errors import ConfigError

_MAX_BYTES = 10 * 2**20


def load(path: Path) -> str:
    """The text of the file, for `Decoder(rules, fixed=…)`. Raises ConfigError."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ConfigError(f"{path}: larger than {_MAX_BYTES} bytes; name an Avro schema file (.avsc)")
        text = path.read_text(encoding="utf-8")
        reader(parse(text))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; name a readable Avro schema file (.avsc)") from error
    except (SchemaInvalid, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}; name an Avro schema file (.avsc)") from error
    return text
