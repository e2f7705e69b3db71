"""Callers of an OpenID provider: a real one in a process of its own, and one whose keys the tests hold."""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from platform_resources.access import Access, AccessError, Identity
from platform_resources.access.callers import oidc_documents as documents
from platform_resources.access.callers.identities import get_identity, save_identity, set_enabled
from platform_resources.access.callers.oidc_settings import OidcSettings
from platform_resources.access.callers.tokens import create_token, issue_token
from platform_resources.access.errors import UnauthenticatedError, UnavailableError
from platform_resources.lake import MeshSettings, SettingError, utc_now
from tests.access.issuer import Issuer, rsa_key, run_issuer

WHO = "zoe@retailer.example"


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with run_issuer() as running:
        yield running


@pytest.fixture
def access_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Access]]:
    """Make the access of a mesh that trusts a provider; the claims as MESH_OIDC_CLAIMS has them."""
    made: list[Access] = []

    def make(url: str, **claims: object) -> Access:
        monkeypatch.setenv("MESH_OIDC_ISSUER", url)
        monkeypatch.setenv("MESH_OIDC_AUDIENCE", "mesh, mesh-cli")
        monkeypatch.setenv("MESH_OIDC_CLAIMS", json.dumps(claims))
        made.append(Access(MeshSettings(home=tmp_path / "home", project=tmp_path)))
        return made[-1]

    yield make
    for access in made:
        access.close()


@pytest.fixture
def access(issuer: Issuer, access_of: Callable[..., Access]) -> Access:
    return access_of(issuer.url)


def test_somebody_who_signs_in_at_a_real_provider_is_a_caller(access_of):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://localhost:{port}"
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as provider:
        try:
            _wait_for(url)
            httpx.put(f"{url}/users/ana", json={"email": "ana@retailer.example", "email_verified": True, "unit": "crm"})
            access = access_of(url, domain="unit")
            caller = access.authenticate(_sign_in(url, "ana"))
        finally:
            provider.terminate()
    assert (caller.identity.id, caller.identity.domain) == ("ana@retailer.example", "crm")
    assert caller.credential == "oidc"
    assert caller.may("read", "crm.customer_360.v1")
    assert not caller.may("admin")


def _wait_for(url: str) -> None:
    for _ in range(200):
        try:
            httpx.get(f"{url}/jwks")
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the provider does not start")


def _sign_in(url: str, who: str) -> str:
    back = "http://localhost:1/back"
    asked = {"client_id": "mesh", "response_type": "code", "redirect_uri": back, "scope": "openid email"}
    location = httpx.post(f"{url}/oauth2/authorize", params=asked, data={"sub": who}).headers["location"]
    (code,) = parse_qs(urlsplit(location).query)["code"]
    sent = {"grant_type": "authorization_code", "code": code, "client_id": "mesh", "client_secret": "x"}
    return httpx.post(f"{url}/oauth2/token", data={**sent, "redirect_uri": back}).json()["id_token"]


@pytest.mark.parametrize("key", [ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()])
def test_keys_on_curves_are_keys_too(access, issuer, key):
    issuer.keys["curve"] = key
    assert access.authenticate(issuer.token("curve")).identity.id == WHO


def _unsigned(issuer: Issuer) -> str:
    return jwt.encode(issuer.claims(), None, algorithm="none", headers={"kid": "one"})


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _public_key_as_secret(issuer: Issuer) -> str:
    import hashlib
    import hmac

    public = issuer.keys["one"].public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    body = f"{_part({'alg': 'HS256', 'typ': 'JWT', 'kid': 'one'})}.{_part(issuer.claims())}"
    signature = hmac.digest(pem, body.encode(), hashlib.sha256)
    return f"{body}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _other_claims(issuer: Issuer) -> str:
    head, _, signature = issuer.token().split(".")
    return f"{head}.{_part(issuer.claims(email='operator@retailer.example'))}.{signature}"


def _own_key_in_header(issuer: Issuer) -> str:
    key = rsa_key()
    own = {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())), "kid": "one"}
    return issuer.token(key=key, header={"jwk": own, "jku": f"{issuer.url}/mine"})


HOSTILE: dict[str, Callable[[Issuer], str]] = {
    "no signature": _unsigned,
    "no signature, other case": lambda i: f"{_part({'alg': 'nOnE', 'kid': 'one'})}.{_part(i.claims())}.",
    "HS256 with the public key": _public_key_as_secret,
    "HS256 with nothing": lambda i: jwt.encode(i.claims(), "x" * 32, algorithm="HS256", headers={"kid": "one"}),
    "claims of another": _other_claims,
    "key of its own": lambda i: i.token(key=rsa_key()),
    "key of its own in the header": _own_key_in_header,
    "unknown kid": lambda i: i.token("two", key=rsa_key()),
    "kid that is a path": lambda i: i.token("../../etc/passwd", key=rsa_key()),
    "kid that is an object": lambda i: f"{_part({'alg': 'RS256', 'kid': {'a': 1}})}.{_part(i.claims())}.eA",
    "wrong audience": lambda i: i.token(aud="another"),
    "audience of two others": lambda i: i.token(aud=["another", "mesh2"]),
    "no audience": lambda i: i.token(aud=None),
    "wrong issuer": lambda i: i.token(iss="http://127.0.0.1:1"),
    "issuer with a slash": lambda i: i.token(iss=f"{i.url}/"),
    "no issuer": lambda i: i.token(iss=None),
    "expired": lambda i: i.token(exp=int(time.time()) - 60),
    "no end": lambda i: i.token(exp=None),
    "end without end": lambda i: i.token(exp=float("inf")),
    "issued without end": lambda i: i.token(iat=float("inf")),
    "end that is text": lambda i: i.token(exp="tomorrow"),
    "not yet valid": lambda i: i.token(nbf=int(time.time()) + 120),
    "issued in the future": lambda i: i.token(iat=int(time.time()) + 3600),
    "nobody": lambda i: i.token(sub=None),
    "critical extension": lambda i: i.token(header={"crit": ["x"], "x": 1}),
    "huge": lambda i: i.token(padding="x" * 100_000),
    "deeply nested": lambda i: f"{base64.urlsafe_b64encode(b'[' * 9000).decode()}.e30.eA",
    "three dots of nothing": lambda i: "..",
    "no base64": lambda i: "\x00é.*.ü",
    "empty claims": lambda i: f"{_part({'alg': 'RS256', 'kid': 'one'})}..",
}


@pytest.mark.parametrize("how", HOSTILE)
def test_a_hostile_token_is_refused_like_any_other(access, issuer, how):
    with pytest.raises(UnauthenticatedError) as told:
        access.authenticate(HOSTILE[how](issuer))
    assert told.value.message == "the token is not valid"
    assert get_identity(access.control, WHO) is None
    assert "/mine" not in issuer.asked


def test_a_new_key_is_taken_and_an_old_one_forgotten(access, issuer, monkeypatch):
    monkeypatch.setattr(documents, "RENEWED", 0.0)
    access.authenticate(issuer.token())
    old = issuer.keys.pop("one")
    issuer.keys["two"] = rsa_key()
    assert access.authenticate(issuer.token("two")).identity.id == WHO
    with pytest.raises(UnauthenticatedError):
        access.authenticate(issuer.token("one", key=old))


def test_unknown_kids_do_not_make_the_mesh_ask_each_time(access, issuer):
    access.authenticate(issuer.token())
    for number in range(20):
        with pytest.raises(UnauthenticatedError):
            access.authenticate(issuer.token(f"kid-{number}", key=rsa_key() if number == 0 else issuer.keys["one"]))
    assert issuer.asked.count("/jwks") == 1
    assert access.authenticate(issuer.token()).identity.id == WHO


def test_keys_are_fetched_once_for_many_calls(access, issuer):
    for _ in range(10):
        access.authenticate(issuer.token())
    assert issuer.asked == ["/.well-known/openid-configuration", "/jwks"]


def _unavailable(access: Access, token: str) -> AccessError:
    with pytest.raises(UnavailableError) as told:
        access.authenticate(token)
    return told.value


def test_a_provider_that_is_gone_is_told_as_such(access_of, issuer):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert _unavailable(access_of(f"http://127.0.0.1:{port}"), issuer.token()).status == 503


def test_a_provider_that_dawdles_holds_up_nobody_for_long(access, issuer, monkeypatch):
    monkeypatch.setattr(documents, "TIMEOUT", 0.2)
    issuer.delay = 1.0
    _unavailable(access, issuer.token())
    asked = len(issuer.asked)
    for _ in range(5):
        _unavailable(access, issuer.token())  # for a while it is not asked at all
    assert len(issuer.asked) == asked
    issuer.delay = 0.0
    monkeypatch.setattr(documents, "AGAIN", 0.0)
    assert access.authenticate(issuer.token()).identity.id == WHO


def _until(happens: Callable[[], bool]) -> None:
    for _ in range(3_000):
        if happens():
            return
        time.sleep(0.01)
    raise AssertionError("it never happens")


@pytest.fixture
def slow(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Future]]:
    """Do something in another thread, and go on once that waits for the provider, which answers at `gate.set()`."""
    monkeypatch.setattr(documents, "TIMEOUT", 60.0)
    with ThreadPoolExecutor(documents.MOST_WAITING + 2) as pool:

        def begun(work: Callable[[], object], path: str = "/jwks") -> Future:
            asked = issuer.asked.count(path)
            issuer.gate.clear()
            running = pool.submit(work)
            _until(lambda: issuer.asked.count(path) > asked)
            return running

        yield begun
        issuer.gate.set()


def test_who_waits_for_a_key_that_nobody_knows_holds_up_no_other(access, issuer, slow, monkeypatch):
    access.authenticate(issuer.token())
    monkeypatch.setattr(documents, "RENEWED", 0.0)
    waiting = slow(lambda: access.authenticate(issuer.token("unknown", key=rsa_key())))
    for _ in range(3):
        assert access.authenticate(issuer.token()).identity.id == WHO
    assert not waiting.done()
    issuer.gate.set()
    with pytest.raises(UnauthenticatedError):
        waiting.result(60)


def test_keys_are_renewed_before_their_time_is_over_and_nobody_else_waits(access, issuer, slow, monkeypatch):
    access.authenticate(issuer.token())
    monkeypatch.setattr(documents, "_EARLY", 0.0)
    waiting = slow(lambda: access.authenticate(issuer.token()), "/.well-known/openid-configuration")
    assert access.authenticate(issuer.token()).identity.id == WHO
    issuer.gate.set()
    assert waiting.result(60).identity.id == WHO
    assert issuer.asked.count("/jwks") == 2


def test_the_first_who_come_wait_for_one_answer_and_no_more_than_some(access, issuer, slow):
    with ThreadPoolExecutor(documents.MOST_WAITING + 4) as crowd:
        first = slow(lambda: access.authenticate(issuer.token()), "/.well-known/openid-configuration")
        rest = [crowd.submit(access.authenticate, issuer.token()) for _ in range(documents.MOST_WAITING + 4)]
        _until(lambda: sum(one.done() for one in rest) == 4)
        told = {one.exception().status for one in rest if one.done()}
        issuer.gate.set()
        assert first.result(60).identity.id == WHO
        assert sum(one.exception(60) is None for one in rest) == documents.MOST_WAITING
    assert told == {503}
    assert issuer.asked == ["/.well-known/openid-configuration", "/jwks"]


def test_who_waits_is_told_after_a_while_that_it_was_in_vain(access, issuer, slow, monkeypatch):
    waiting = slow(lambda: access.authenticate(issuer.token()), "/.well-known/openid-configuration")
    monkeypatch.setattr(documents, "TIMEOUT", 0.01)
    assert _unavailable(access, issuer.token()).status == 503
    assert not waiting.done()


def test_keys_that_are_kept_count_while_the_provider_is_gone(access, issuer, monkeypatch):
    access.authenticate(issuer.token())
    monkeypatch.setattr(documents, "RENEWED", 0.0)
    issuer.answers["/jwks"] = b"<html>"
    assert _unavailable(access, issuer.token("unknown", key=rsa_key())).status == 503
    assert access.authenticate(issuer.token()).identity.id == WHO
    monkeypatch.setattr(documents, "LASTS", 0.0)
    assert _unavailable(access, issuer.token()).status == 503


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/.well-known/openid-configuration", b"<html>"),
        ("/.well-known/openid-configuration", b'{"issuer": "https://other.example", "jwks_uri": "http://127.0.0.1/"}'),
        ("/.well-known/openid-configuration", b'{"jwks_uri": 7}'),
        ("/.well-known/openid-configuration", b"[]"),
        ("/jwks", b"no json"),
        ("/jwks", b"[1]"),
        ("/jwks", b'{"keys": []}'),
        ("/jwks", b'{"keys": "x"}'),
        ("/jwks", b'{"keys": [1, {"kty": "RSA"}, {"kty": [], "alg": []}]}'),
        ("/jwks", b"x" * 2_000_000),
    ],
)
def test_a_provider_that_answers_nonsense_lets_nobody_in(access, issuer, path, body):
    issuer.answers[path] = body
    with pytest.raises(AccessError) as told:
        access.authenticate(issuer.token())
    assert told.value.status in (401, 503)
    assert get_identity(access.control, WHO) is None


def test_without_a_mapping_claims_give_no_rights(access, issuer):
    claims = {"clearances": ["gdpr"], "groups": ["finance"], "administrator": True, "scope": "admin"}
    caller = access.authenticate(issuer.token(**claims))
    assert caller.identity == Identity(WHO, "person", "Zoe", origin="oidc")
    assert not caller.may("admin")


def test_mapped_claims_make_the_identity(access_of, issuer):
    access = access_of(
        issuer.url,
        identity="sub",
        kind="kind",
        clearances="realm_access.roles",
        teams="groups",
        domain="unit",
        purpose="for",
        attributes={"regions": "regions", "level": "level"},
    )
    claims = {"realm_access": {"roles": ["gdpr", "No Clearance", 7]}, "groups": ["/finance", "\n"], "unit": "finance"}
    claims |= {"kind": "agent", "for": "analytics", "regions": ["north", "south"], "level": 3}
    identity = access.authenticate(issuer.token(**claims)).identity
    assert identity.id == "sub-1"
    assert (identity.kind, identity.domain, identity.purpose) == ("agent", "finance", "analytics")
    assert identity.clearances == {"gdpr"}
    assert identity.teams == {"/finance"}
    assert identity.attributes == {"regions": ("north", "south"), "level": 3}
    assert access.authenticate(issuer.token(**claims)).identity == identity
    changed = access.authenticate(issuer.token(**{**claims, "realm_access": {}})).identity
    assert changed.clearances == frozenset()
    kinds = [entry.kind for entry in access.audit.entries(actor="oidc")]
    assert kinds == ["identity-changed", "identity-added"]


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "zoe@retailer.example", "email_verified": False},
        {"email": "zoe@retailer.example", "email_verified": None},
        {"email": "zoe@retailer.example", "email_verified": "true"},
        {"email": "zoe@retailer.example", "email_verified": 1},
    ],
)
def test_an_address_that_is_not_proved_names_nobody(access, issuer, claims):
    assert access.authenticate(issuer.token(**claims)).identity.id == "sub-1"


@pytest.mark.parametrize("proof", [None, False, "true", "false", 0, 1, "no"])
def test_a_mapped_address_has_to_be_proved_too(access_of, issuer, proof):
    access = access_of(issuer.url, identity="email")
    with pytest.raises(UnauthenticatedError, match="names nobody"):
        access.authenticate(issuer.token(email_verified=proof))
    assert access.authenticate(issuer.token()).identity.id == WHO


@pytest.mark.parametrize("mapping", [{}, {"identity": "sub"}])
@pytest.mark.parametrize("sub", ["privacy@retailer.example", "fin.revenue", "oidc|fin.revenue"])
def test_a_subject_becomes_no_address_and_no_product(access_of, issuer, mapping, sub):
    access = access_of(issuer.url, **mapping)
    assert access.authenticate(issuer.token(email=None, sub=sub)).identity.id == f"oidc|{sub}"


@pytest.mark.parametrize("field", [{"email": "\u212aen@retailer.example"}, {"email": None, "sub": "\u212aen"}])
def test_letters_that_only_look_alike_are_nobody(access, issuer, field):
    with pytest.raises(UnauthenticatedError):
        access.authenticate(issuer.token(**field))


@pytest.mark.parametrize("end", [1e12, 1e18, 1e300])
def test_a_token_that_never_ends_is_cut_to_a_year(access, issuer, end):
    caller = access.authenticate(issuer.token(exp=end))
    assert caller.expires_at < utc_now() + timedelta(days=367)


def test_a_number_that_no_filter_can_compare_is_told(access_of, issuer):
    access = access_of(issuer.url, attributes={"level": "level"})
    with pytest.raises(UnauthenticatedError, match="level"):
        access.authenticate(issuer.token(level=10**400))


@pytest.mark.parametrize("scopes", [("read",), ("read", "request")])
def test_tokens_made_by_who_signed_in_end_with_the_sign_in(access, issuer, scopes):
    caller = access.authenticate(issuer.token(exp=int(time.time()) + 60))
    made = access.authenticate(issue_token(access.control, access.audit, caller, scopes=scopes))
    assert made.identity.id == WHO
    assert made.expires_at <= caller.expires_at < utc_now() + timedelta(seconds=61)


@pytest.mark.parametrize("sub", ["", "../x", "a b", "x" * 300, "local:root", "*", "a\u202eb"])
def test_a_subject_that_can_be_no_identity_is_refused(access, issuer, sub):
    with pytest.raises(UnauthenticatedError):
        access.authenticate(issuer.token(email=None, sub=sub))


def test_a_provider_does_not_speak_for_those_who_were_made_here(access, access_of, issuer):
    save_identity(access.control, Identity("operator", "person", "Operator", administrator=True))
    token = issuer.token(email=None, sub="operator")
    with pytest.raises(UnauthenticatedError, match="may not speak for this identity"):
        access.authenticate(token)
    trusting = access_of(issuer.url, localIdentities=True, clearances="roles")
    caller = trusting.authenticate(issuer.token(email=None, sub="operator", roles=["gdpr"]))
    assert caller.may("admin")
    assert caller.identity.clearances == frozenset()  # what was said here counts


def test_who_is_disabled_here_stays_out(access, issuer):
    access.authenticate(issuer.token())
    set_enabled(access.control, access.audit, WHO, False, "operator")
    for name in ("Zoe", "Zoe with another name"):
        with pytest.raises(UnauthenticatedError):
            access.authenticate(issuer.token(name=name))
    set_enabled(access.control, access.audit, WHO, True, "operator")
    assert access.authenticate(issuer.token()).identity.id == WHO


def test_tokens_of_the_mesh_hold_beside_a_provider_and_no_demo_is_made(access, issuer):
    assert access.made == ()
    access.authenticate(issuer.token())
    token = create_token(access.control, WHO, created_by="tests")
    assert access.authenticate(token).identity.id == WHO
    assert issuer.asked.count("/jwks") == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MESH_OIDC_AUDIENCE", " , "),
        ("MESH_OIDC_ISSUER", "http://login.retailer.example"),
        ("MESH_OIDC_ISSUER", "https://user:s3cret@login.retailer.example?x=1"),
        ("MESH_OIDC_ISSUER", "file:///etc/passwd"),
        ("MESH_OIDC_ISSUER", "https://["),
        ("MESH_OIDC_CLAIMS", "{"),
        ("MESH_OIDC_CLAIMS", "[]"),
        ("MESH_OIDC_CLAIMS", '{"clearence": "x"}'),
        ("MESH_OIDC_CLAIMS", '{"clearances": 7}'),
        ("MESH_OIDC_CLAIMS", '{"attributes": ["x"]}'),
        ("MESH_OIDC_CLAIMS", '{"attributes": "x"}'),
        ("MESH_OIDC_CLAIMS", '{"localIdentities": "yes"}'),
    ],
)
def test_a_configuration_that_cant_be_meant_is_told(monkeypatch, name, value):
    monkeypatch.setenv("MESH_OIDC_ISSUER", "https://login.retailer.example")
    monkeypatch.setenv("MESH_OIDC_AUDIENCE", "mesh")
    assert OidcSettings.from_env() is not None
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError, match=name) as told:
        OidcSettings.from_env()
    assert "s3cret" not in str(told.value)
