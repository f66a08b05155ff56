"""Telling an operator: a webhook or a command gets one short message. Where to is configuration, never data.

STADTRANG_NOTIFY_WEBHOOK: an https address (http only on loopback) that takes {"title", "text"} as JSON;
STADTRANG_NOTIFY_COMMAND: a command (`mail -s stadtrang operator@example.org`) that gets both on standard input.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from urllib.parse import urlsplit

import requests

from pipeline.errors import UsageError

WEBHOOK, COMMAND = "STADTRANG_NOTIFY_WEBHOOK", "STADTRANG_NOTIFY_COMMAND"
LOOPBACK = {"127.0.0.1", "::1", "localhost"}
SECONDS = 20


def webhook_target(address: str) -> str:
    """The address, if it may be called: https, or http on loopback; the message never repeats its path (a secret)."""
    parts = urlsplit(address)
    if parts.scheme == "https" and parts.hostname:
        return address
    if parts.scheme == "http" and parts.hostname in LOOPBACK:
        return address
    raise UsageError(
        f"{WEBHOOK}: an https address is expected (http only on loopback), found {parts.scheme}://{parts.hostname}"
    )


def send(title: str, text: str, environment: Mapping[str, str] | None = None) -> list[str]:
    """Send to every configured target; returns what could not be sent and why: a lost message stops no run."""
    environment = os.environ if environment is None else environment
    lost = []
    if address := environment.get(WEBHOOK):
        try:
            reply = requests.post(
                webhook_target(address),
                json={"title": title, "text": text},
                timeout=SECONDS,
                allow_redirects=False,  # a target that moves is looked at by a person
            )
            if not reply.ok or reply.is_redirect:
                lost.append(f"{WEBHOOK}: the target answered {reply.status_code}")
        except requests.RequestException as error:
            lost.append(f"{WEBHOOK}: {type(error).__name__}")
    if command := environment.get(COMMAND):
        try:
            subprocess.run(
                shlex.split(command), input=f"{title}\n\n{text}\n", text=True, timeout=SECONDS, check=True,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            lost.append(f"{COMMAND}: {type(error).__name__}")
    return lost
