"""Neither strangers nor known callers can fill the disk with their refusals, or hide among them."""
from assertions import assert_issued, assert_refused
from waiting import wait_until


def drops(broker, reason):
    return [one for one in broker.audit().of_type("limit.drop") if one.reason == reason]


def test_denials_of_one_caller_are_recorded_up_to_a_number(start, ca):
    broker = start(config={"limits": {"refused_per_minute": 5}})
    client = broker.client()
    for _ in range(5):
        assert_refused(client.newcert("evil.example"), "name_not_allowed")
    for _ in range(200):
        reply = assert_refused(client.newcert("evil.example"), "refused_too_often")
        assert reply.status == 429 and 1 <= int(reply.headers["retry-after"]) <= 60
        assert "evil.example" in reply.message  # still told why
    assert len(broker.audit().of_type("authz.deny")) == 5
    assert len([one for one in broker.audit().of_type("request.refused")
                if one.reason == "refused_too_often"]) == 1
    # Others are not touched by it, and neither is what this one may have.
    assert_refused(broker.client("bob").newcert("evil.example"), "name_not_allowed")
    assert_issued(client.newcert())
    before = len(ca.requests())
    broker.stop()
    assert len(ca.requests()) == before
    (drop,) = drops(broker, "refused_too_often")
    assert drop.client == "alice" and drop.count == 199


def test_malformed_requests_of_a_known_caller_count_too(start):
    broker = start(config={"limits": {"refused_per_minute": 3}})
    client = broker.client()
    replies = [client.post("/api/v1/cfssl/newcert", b"{nonsense").status for _ in range(6)]
    assert replies == [400, 400, 400, 429, 429, 429]
    assert len(broker.audit().of_type("request.refused")) == 4


def test_failed_authentication_is_one_record_and_a_count(start):
    broker = start()
    wrong = broker.client(None, {"Authorization": "Bearer wrong"})
    for _ in range(100):
        assert wrong.whoami().status == 401
    broker.stop()  # what was counted is told before the end
    first, rest = broker.audit().of_type("authn.fail")
    assert first.peer.startswith("127.0.0.1:") and first.count is None
    assert rest.peer == "127.0.0.1" and rest.count == 99 and rest.reason == first.reason
    assert rest.first_ts <= rest.last_ts


def test_count_comes_while_the_flood_goes_on(start):
    broker = start()
    wrong = broker.client(None, {"Authorization": "Bearer wrong"})

    def counted():
        assert wrong.whoami().status == 401
        return any(one.count for one in broker.audit().of_type("authn.fail"))
    wait_until(counted, 20, "a record with a count")
    assert len(broker.audit().of_type("authn.fail")) <= 4


def test_setting_of_nought_is_refused(broker):
    broker.write_config({"limits": {"refused_per_minute": 0}})
    done = broker.check()
    assert done.returncode == 1
    assert "limits.refused_per_minute" in done.stderr and "certbroker.yaml:" in done.stderr
