"""The Chinese for what a person is told: of a message by its code, of words by their English.

A file for each folder of the package, by whose messages and words it is ordered.
"""

TABLE: dict[str, str] = {}
