"""Waiting for Ray's resources, not for ever and not in silence."""

from __future__ import annotations

import time
from typing import Any, Callable, Mapping

import ray

from .errors import PlacementError
from .summary import duration, logger

NOTICE_SECONDS = 30.0
"""How often a wait is logged."""


class Placement:
    """Looks whether Ray has placed any worker of a run."""

    def __init__(self, actor_options: Mapping[str, Any], timeout: float | None) -> None:
        self._request = _request(actor_options)
        self._timeout = timeout
        self._last_placed = self._last_notice = time.monotonic()

    def look(self, any_placed: bool) -> None:
        """
        :raises PlacementError: no worker was there for too long
        """
        now = time.monotonic()
        if any_placed:
            self._last_placed = now
            return
        waited = now - self._last_placed
        if self._timeout is not None and waited >= self._timeout:
            raise PlacementError(
                f"Ray placed no worker within {duration(waited)}: each asks for {self._request}; the cluster has {_resources()}. "
                "Ask for less, free the cluster, or raise placement_timeout."
            )
        if waited >= NOTICE_SECONDS and now - self._last_notice >= NOTICE_SECONDS:
            self._last_notice = now
            logger.warning(
                "No worker is placed after %s: each asks for %s; the cluster has %s.", duration(waited), self._request, _resources()
            )


def _request(options: Mapping[str, Any]) -> str:
    asked = {"CPU": options.get("num_cpus"), "GPU": options.get("num_gpus"), **(options.get("resources") or {})}
    return ", ".join(f"{amount:g} {name}" for name, amount in asked.items() if amount) or "nothing"


def _resources() -> str:
    total = {name: amount for name, amount in _of_cluster(ray.cluster_resources).items() if ":" not in name and "memory" not in name}
    free = _of_cluster(ray.available_resources)
    return ", ".join(f"{amount:g} {name} ({free.get(name, 0):g} free)" for name, amount in sorted(total.items())) or "nothing"


def _of_cluster(ask: Callable[[], Any]) -> dict[str, float]:
    return dict(ask())
