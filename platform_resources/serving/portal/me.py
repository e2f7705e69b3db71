"""Pages of me."""

from fastapi import APIRouter

router = APIRouter()
