"""A host that does not send its intermediate certificate is refused, until that lies at the declared place."""

from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from box import Box, opened
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pipeline import archive, catalog, fetch, web
from pipeline.catalog import Source
from pipeline.web import Settings

NOW = dt.datetime.now(dt.UTC)


@dataclass(frozen=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def issue(name: str, by: Issued | None, *, host: str | None = None, days: int = 30) -> Issued:
    """A certificate signed by `by` (or by itself): an authority, or of a host."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = by.key if by else key
    is_authority = host is None
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - dt.timedelta(days=60))
        .not_valid_after(NOW + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(True, False, False, False, False, is_authority, is_authority, False, False), critical=True
        )
    )
    if host is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    return Issued(builder.sign(signer, hashes.SHA256()), key)


@pytest.fixture(scope="module")
def authorities() -> tuple[Issued, Issued]:
    """A root that is trusted, and the intermediate that signs hosts."""
    root = issue("Root of the test", None)
    return root, issue("Intermediate of the test", root)


@pytest.fixture
def publisher(authorities: tuple[Issued, Issued], tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Box]:
    """A publisher on https://localhost that sends its own certificate and not the intermediate."""
    host, days = getattr(request, "param", ("localhost", 30))
    leaf = issue(host, authorities[1], host=host, days=days)
    private = leaf.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "leaf.pem").write_bytes(leaf.pem + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "leaf.pem")
    with opened(Box(), context) as box:
        yield box


def fetched(box: Box, settings: Callable[..., Settings], root: Issued, home: Path) -> tuple[fetch.Outcome, Settings]:
    """What comes of one file of the publisher, where the root is trusted as an operator's own bundle is."""
    (home / "bundle.pem").write_bytes(root.pem)
    chosen = settings(mirror=None, home=home, environment={"REQUESTS_CA_BUNDLE": str(home / "bundle.pem")})
    box.put(f"{box.address}/list.csv", b"a;b\n1;2\n")
    declared: dict[str, Any] = catalog.load().sources["kba_fz1"].model_dump() | {
        "id": "a_source",
        "layouts": {"list": {"reader": "csv"}},
        "access": {
            "hosts": ["localhost"],
            "address": f"{box.address}/list.csv",
            "content": "csv",
            "ca": True,
            "read_on_arrival": False,
        },
        "editions": {"2026": {"parts": [{"file": "a/list.csv", "layout": "list"}]}},
    }
    (outcome,) = fetch.fetch([Source.model_validate(declared)], chosen)
    return outcome, chosen


def test_an_incomplete_chain_is_refused_with_the_remedy(
    publisher: Box, settings: Callable[..., Settings], authorities: tuple[Issued, Issued], tmp_path: Path
) -> None:
    outcome, chosen = fetched(publisher, settings, authorities[0], tmp_path)
    assert outcome.state == "failed" and outcome.reason is not None
    assert outcome.reason.startswith("the certificate of localhost cannot be verified (")
    assert "unable to get local issuer certificate" in outcome.reason
    assert f"save the missing certificate in {tmp_path / 'certificates' / 'localhost.pem'}" in outcome.reason
    assert "verification is never switched off" in outcome.reason
    assert publisher.asked == [] and not (chosen.archive / "sha256").exists()


def test_with_the_intermediate_at_the_declared_place_it_is_verified(
    publisher: Box, settings: Callable[..., Settings], authorities: tuple[Issued, Issued], tmp_path: Path
) -> None:
    place = web.certificates(tmp_path, "localhost")
    place.parent.mkdir()
    place.write_bytes(authorities[1].pem)
    outcome, chosen = fetched(publisher, settings, authorities[0], tmp_path)
    assert outcome.state == "stored", outcome.reason
    (receipt,) = archive.read_receipts(chosen.archive, "a_source")
    assert archive.fetch(chosen.archive, receipt.sha256) == b"a;b\n1;2\n"


def test_another_intermediate_there_does_not_help(
    publisher: Box, settings: Callable[..., Settings], authorities: tuple[Issued, Issued], tmp_path: Path
) -> None:
    place = web.certificates(tmp_path, "localhost")
    place.parent.mkdir()
    place.write_bytes(issue("Another intermediate", authorities[0]).pem)
    outcome, _ = fetched(publisher, settings, authorities[0], tmp_path)
    assert outcome.state == "failed" and publisher.asked == []


@pytest.mark.parametrize(
    ("publisher", "reason"),
    [(("elsewhere.example.org", 30), "Hostname mismatch"), (("localhost", -10), "certificate has expired")],
    indirect=["publisher"],
    ids=["of another host", "expired"],
)
def test_the_place_of_the_intermediate_switches_nothing_off(
    publisher: Box, settings: Callable[..., Settings], authorities: tuple[Issued, Issued], tmp_path: Path, reason: str
) -> None:
    place = web.certificates(tmp_path, "localhost")
    place.parent.mkdir()
    place.write_bytes(authorities[1].pem)
    outcome, _ = fetched(publisher, settings, authorities[0], tmp_path)
    assert outcome.state == "failed" and outcome.reason is not None and reason in outcome.reason
    assert publisher.asked == []


def test_a_damaged_certificate_is_named(
    publisher: Box, settings: Callable[..., Settings], authorities: tuple[Issued, Issued], tmp_path: Path
) -> None:
    place = web.certificates(tmp_path, "localhost")
    place.parent.mkdir()
    place.write_bytes(b"-----BEGIN CERTIFICATE-----\nnot one\n-----END CERTIFICATE-----\n")
    outcome, _ = fetched(publisher, settings, authorities[0], tmp_path)
    assert outcome.state == "failed" and outcome.reason is not None
    assert str(place) in outcome.reason
