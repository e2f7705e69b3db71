"""Pages of fitness."""

from fastapi import APIRouter

router = APIRouter()
