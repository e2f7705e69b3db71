"""Pages of access."""

from fastapi import APIRouter

router = APIRouter()
