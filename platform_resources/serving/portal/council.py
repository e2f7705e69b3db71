"""Pages of council."""

from fastapi import APIRouter

router = APIRouter()
