"""The whole catalog in formats that other catalogs harvest: DCAT-AP 3 and DPROD, both as JSON-LD. Pure; no rdflib.

What goes out is handed in as `Exported`: the ports that a reader may know of, and which addresses it may be told.
The same catalog makes the same bytes; nothing in them says when they were made.
"""

from platform_resources.catalog.exports.dcat import dcat
from platform_resources.catalog.exports.dprod import dprod
from platform_resources.catalog.exports.jsonld import JSON_LD, Exported

__all__ = ["JSON_LD", "Exported", "dcat", "dprod"]
