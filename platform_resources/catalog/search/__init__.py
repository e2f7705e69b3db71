"""Search over the catalog's index, by the engine tantivy: words, beginnings, slips, filters, counts, and why.

Ranking is the engine's: BM25 with a boost for each field, exact names above words, and a standing (state of life, tier,
score, use) that it multiplies in. Imports the catalog's index only; who may know what is asked of the caller.
"""

from platform_resources.catalog.search.queries import Filters
from platform_resources.catalog.search.search import Asked, Found, FoundProduct, Place, Search
from platform_resources.catalog.search.terms import NamedTerm

__all__ = ["Asked", "Filters", "Found", "FoundProduct", "NamedTerm", "Place", "Search"]
