"""Pages of product."""

from fastapi import APIRouter

router = APIRouter()
