"""Callers known by a signed token: whose tokens are taken, what a token's claims may be used for."""
import base64
import json
import time

import pytest

from assertions import assert_issued, assert_refused
from broker import Broker, standard_policy
from client import newcert_body
from ec import EcKey
from pki import write

ISSUER = "https://cluster1.example"
API = "system:serviceaccount:pay:api"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """An ES256 key and the JWKS file that publishes it."""

    def __init__(self, path, kid="k1"):
        self.path, self.kid = path, kid
        self.rotate()

    def rotate(self, kid=None):
        self.kid = kid or self.kid
        self.key = EcKey()
        public = self.key.public_bytes()
        jwk = {"kty": "EC", "crv": "P-256", "kid": self.kid, "use": "sig",
               "x": b64(public[1:33]), "y": b64(public[33:])}
        write(self.path, json.dumps({"keys": [jwk]}), 0o644)

    def token(self, sub=API, **change):
        now = int(time.time())
        claims = {"iss": ISSUER, "sub": sub, "aud": ["certbroker"], "iat": now, "exp": now + 600,
                  "kubernetes.io": {"namespace": "pay"}}
        claims = {k: v for k, v in {**claims, **change}.items() if v is not None}
        header = {"alg": "ES256", "kid": self.kid, "typ": "JWT"}
        signed = b64(json.dumps(header).encode()) + "." + b64(json.dumps(claims).encode())
        r, s = self.key.sign(signed.encode())
        return signed + "." + b64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def policy(pki):
    base = standard_policy(pki)
    base["clients"]["payments"] = {
        "auth": [{"jwt": {"issuer": "cluster1", "subject": API}}]}
    base["clients"]["pods"] = {
        "auth": [{"jwt": {"issuer": "cluster1", "subject": "system:serviceaccount:*:*"}}]}
    base["rules"] += [
        {"id": "payments", "clients": ["payments"], "actions": ["newcert", "revoke"],
         "names": {"dns": ["api.pay.acme.internal"]}, "profiles": ["default"],
         "max_validity": "720h"},
        {"id": "pods", "clients": ["pods"], "actions": ["newcert", "revoke"],
         "names": {"dns": ["*.${jwt.kubernetes.io.namespace}.svc.acme.internal"]},
         "profiles": ["default"], "max_validity": "720h"}]
    return base


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    return Issuer(tmp_path_factory.mktemp("issuer") / "jwks.json")


def config(issuer):
    return {"jwt": {"issuers": {"cluster1": {
        "issuer": ISSUER, "audience": "certbroker", "jwks": str(issuer.path),
        "max_lifetime": "1h"}}}}


@pytest.fixture(scope="module")
def jwt_broker(tmp_path_factory, pki, shared_ca, issuer):
    with Broker(tmp_path_factory.mktemp("jwt"), pki, shared_ca, config(issuer),
                policy(pki)) as one:
        yield one


def test_known_subject(jwt_broker, issuer):
    reply = jwt_broker.bearer(issuer.token()).whoami()
    assert reply.status == 200, reply
    assert (reply.result["client"], reply.result["via"]) == ("payments", "jwt")


def test_certificate_by_claim(jwt_broker, issuer, shared_ca):
    token = issuer.token("system:serviceaccount:pay:web")
    reply = jwt_broker.bearer(token).newcert("web.pay.svc.acme.internal")
    assert_issued(reply, "web.pay.svc.acme.internal", ca=shared_ca)
    record = jwt_broker.audit().of_request(reply.request_id)[0]
    assert record["who"]["id"] == "pods:cluster1 system:serviceaccount:pay:web"
    assert record["who"]["claims"] == [["kubernetes.io.namespace", "pay"]]
    assert token.encode() not in jwt_broker.audit().raw()


def test_claim_of_another_namespace(jwt_broker, issuer):
    reply = jwt_broker.bearer(issuer.token("system:serviceaccount:shop:web", **{
        "kubernetes.io": {"namespace": "shop"}})).newcert("web.pay.svc.acme.internal")
    assert_refused(reply, "name_not_allowed")


def test_two_accounts_own_their_own(jwt_broker, issuer):
    mine = jwt_broker.bearer(issuer.token("system:serviceaccount:pay:web"))
    serial = mine.newcert("web.pay.svc.acme.internal").result["serial"]
    other = jwt_broker.bearer(issuer.token("system:serviceaccount:pay:db"))
    assert_refused(other.revoke(serial), "not_owner")
    assert mine.revoke(serial).status == 200


BAD = {
    "expired": {"iat": 1000, "exp": 1600},
    "another audience": {"aud": "vault"},
    "no audience": {"aud": None},
    "another issuer": {"iss": "https://cluster2.example"},
    "too long lived": {"exp": int(time.time()) + 7200},
    "not yet valid": {"nbf": int(time.time()) + 3600},
    "unknown subject": {"sub": "system:node:n1"},
    "no expiry": {"exp": None},
}


@pytest.mark.parametrize("name", BAD)
def test_refused_tokens(jwt_broker, issuer, shared_ca, name):
    before = len(shared_ca.received)
    reply = jwt_broker.bearer(issuer.token(**BAD[name])).newcert("api.pay.acme.internal")
    assert_refused(reply, "unauthenticated")
    assert len(shared_ca.received) == before


def test_another_key(jwt_broker, issuer, tmp_path):
    stranger = Issuer(tmp_path / "jwks.json", kid=issuer.kid)
    assert_refused(jwt_broker.bearer(stranger.token()).whoami(), "unauthenticated")


def test_token_beside_somebody_elses_certificate(jwt_broker, issuer):
    assert_refused(jwt_broker.bearer(issuer.token(), who="alice").whoami(), "unauthenticated")


def test_opaque_tokens_still_work(jwt_broker):
    assert jwt_broker.bearer().whoami().result["client"] == "robot"


def test_rotation_of_keys(tmp_path, pki, ca):
    issuer = Issuer(tmp_path / "jwks.json")
    with Broker(tmp_path, pki, ca, config(issuer), policy(pki)) as broker:
        old = issuer.token()
        assert broker.bearer(old).whoami().status == 200
        issuer.rotate("k2")
        assert_refused(broker.bearer(issuer.token()).whoami(), "unauthenticated")
        broker.reload()
        assert broker.bearer(issuer.token()).whoami().status == 200
        assert_refused(broker.bearer(old).whoami(), "unauthenticated")
        write(issuer.path, '{"keys":[]}', 0o644)  # a bad file leaves the good keys in force
        broker.reload("policy.reject")
        assert broker.bearer(issuer.token()).whoami().status == 200


def test_check_names_what_is_wrong(tmp_path, pki, ca):
    issuer = Issuer(tmp_path / "jwks.json")
    broker = Broker(tmp_path, pki, ca, config(issuer), policy(pki), start=False)
    broker.init_audit()
    assert broker.check().returncode == 0, broker.check().stderr
    write(issuer.path, '{"keys":[{"kty":"oct","k":"AAAA"}]}', 0o644)
    done = broker.check()
    assert done.returncode == 1 and "secret" in done.stderr and str(issuer.path) in done.stderr
    issuer.rotate()
    broken = policy(pki)
    broken["clients"]["payments"]["auth"][0]["jwt"]["issuer"] = "cluster2"
    broker.write_policy(broken)
    done = broker.check()
    assert done.returncode == 1 and "cluster2" in done.stderr, done.stderr


def test_body_is_not_the_policy(jwt_broker, issuer):
    """A claim is a claim only inside the token."""
    body = newcert_body("web.shop.svc.acme.internal")
    body["kubernetes.io"] = {"namespace": "shop"}
    reply = jwt_broker.bearer(issuer.token("system:serviceaccount:pay:web")).post(
        "/api/v1/cfssl/newcert", body)
    assert_refused(reply, "bad_request")
