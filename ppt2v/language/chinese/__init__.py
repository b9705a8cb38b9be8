"""The Chinese for what a person is told: of a message by its code, of words by their English.

A file for each folder of the package, by whose messages and words it is ordered.
"""

from importlib import import_module
from pkgutil import iter_modules

TABLES = tuple(import_module(f".{module.name}", __name__) for module in iter_modules(__path__))
TABLE: dict[str, str] = {key: text for table in TABLES for key, text in table.MESSAGES.items()}
