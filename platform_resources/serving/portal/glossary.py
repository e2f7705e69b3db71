"""Pages of glossary."""

from fastapi import APIRouter

router = APIRouter()
