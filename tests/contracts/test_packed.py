"""Bytes of documents are kept compressed, and equal ones once."""

from __future__ import annotations

import gc
import pickle
import weakref

from platform_resources.contracts.packed import packed


def test_equal_bytes_are_kept_once_and_as_long_as_somebody_holds_them() -> None:
    raw = b"id: shop.orders.v1\n" * 50
    one, other = packed(raw), packed(bytes(bytearray(raw)))
    assert one is other
    assert one.raw == raw
    assert packed(raw + b" ") is not one
    assert pickle.loads(pickle.dumps(one)) is one
    gone = weakref.ref(one)
    del one, other
    gc.collect()
    assert gone() is None
