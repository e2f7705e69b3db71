"""Requests for access, who decides on them, and the grants that they become."""
