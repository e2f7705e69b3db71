"""Pages of domains."""

from fastapi import APIRouter

router = APIRouter()
