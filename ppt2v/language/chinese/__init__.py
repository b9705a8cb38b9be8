"""The Chinese for what a person is told: of a message by its code, of words by their English.

A file for each folder of the package, by whose messages and words it is ordered.
"""

from . import (
    batch,
    cli,
    controls,
    dreambooth,
    engine,
    help,
    hubs,
    models_adapters,
    models_families,
    models_formats,
    models_layouts,
    models_sources,
    package,
    parameters,
    pipelines,
    request,
    serving,
    video,
)

TABLES = (
    batch,
    cli,
    controls,
    dreambooth,
    engine,
    help,
    hubs,
    models_adapters,
    models_families,
    models_formats,
    models_layouts,
    models_sources,
    package,
    parameters,
    pipelines,
    request,
    serving,
    video,
)
TABLE: dict[str, str] = {key: text for table in TABLES for key, text in table.MESSAGES.items()}
