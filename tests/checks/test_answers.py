"""The checks ask with the vendors' SDKs, and say which role, setting or authority is missing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from backends.checks import azure_data, services
from backends.checks.check import Answer, Check, Question, ask_all
from backends.checks.roles import TASK_HUB
from backends.checks.settings import SignInSettings
from backends.checks.trouble import Seam, explained
from backends.durable import open_case_flow
from backends.model_settings import ModelSettings
from backends.observability.settings import ObservabilitySettings
from backends.settings import BackendSettings
from tests.checks.refusing import refusing, trusted, with_identity
from tests.peers.appinsights import Ingestion
from tests.peers.certificates import Certificates, write_certificates
from tests.peers.cosmos import CosmosPeer
from tests.peers.cosmos.access import READER
from tests.peers.eventhubs import Broker, Hub
from tests.peers.eventhubs.access import Access
from tests.peers.managed_identity import ManagedIdentity
from tests.peers.openai import OpenAIPeer
from tests.peers.otlp import Collector
from tests.peers.serving import free_port, serve
from tests.peers.tokens import Issuer

COSMOS_FORBIDDEN = '{"code":"Forbidden","message":"Request blocked by Auth: the principal lacks permissions"}'


@pytest.fixture
def certificates(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Certificates:
    return trusted(monkeypatch, tmp_path)


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> Iterator[ManagedIdentity]:
    with with_identity(monkeypatch) as managed:
        yield managed


async def _asked(question: Question | None) -> Check:
    assert question is not None
    (check,) = await ask_all([question], lambda _check: None)
    return check


def _cases(url: str) -> Question:
    return azure_data.cosmos_question("seam: cases", url, "fraud", "cases", writes=True)


async def test_cosmos_without_the_data_role(identity: ManagedIdentity, certificates: Certificates) -> None:
    substatus = {"x-ms-substatus": "5301"}
    with refusing(certificates, 403, COSMOS_FORBIDDEN, substatus) as url:
        check = await _asked(_cases(url))
    assert (check.state, check.cause) == ("bad", "not_allowed")
    assert "403/5301" in check.detail
    assert "Cosmos DB Built-in Data Contributor" in check.detail
    assert "az cosmosdb sql role assignment create" in check.fix
    assert "00000000-0000-0000-0000-000000000002" in check.fix


async def test_a_real_account_says_what_a_role_may_do(identity: ManagedIdentity, tmp_path: Path) -> None:
    peer = CosmosPeer()
    peer.provision("fraud", "cases", "/case_id")
    identity.issuer = peer.issuer
    with peer.running(tmp_path) as address:
        written = await _asked(_cases(address.endpoint))
        missing = await _asked(
            azure_data.cosmos_question("seam: cases", address.endpoint, "fraud", "nothing", writes=True)
        )
        peer.access.everyone = READER
        only_reads = await _asked(_cases(address.endpoint))
    assert "Cosmos DB Built-in Data Contributor" in only_reads.detail
    assert (written.state, written.detail) == ("ok", "localhost/fraud/cases: read, and may write")
    assert missing.cause == "wrong"
    assert "container nothing" in missing.fix


async def test_cosmos_with_a_token_of_another_tenant(
    identity: ManagedIdentity, certificates: Certificates
) -> None:
    with refusing(certificates, 401, '{"code":"Unauthorized","message":"invalid issuer"}') as url:
        check = await _asked(_cases(url))
    assert check.cause == "not_allowed"
    assert "COSMOS_ENDPOINT" in check.fix


async def test_a_host_without_an_identity(
    monkeypatch: pytest.MonkeyPatch, certificates: Certificates
) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    with refusing(certificates, 200) as url:
        check = await _asked(_cases(url))
    assert check.cause == "not_allowed"
    assert "no identity" in check.detail
    assert "az login" in check.fix


async def test_checkpoints_without_the_blob_role(
    identity: ManagedIdentity, certificates: Certificates
) -> None:
    with refusing(certificates, 403, "", {"x-ms-error-code": "AuthorizationPermissionMismatch"}) as url:
        check = await _asked(_checkpoints(url))
    assert "Storage Blob Data Contributor" in check.fix
    assert "ba92f5b4-2d11-453d-a403-e96b0029c9fe" in check.fix


async def test_a_checkpoint_container_that_is_not_there(
    identity: ManagedIdentity, certificates: Certificates
) -> None:
    with refusing(certificates, 404, "", {"x-ms-error-code": "ContainerNotFound"}) as url:
        check = await _asked(_checkpoints(url))
    assert check.cause == "wrong"
    assert check.fix.startswith("az storage container create --auth-mode login --name telemetry-checkpoints")


def _checkpoints(url: str) -> Question:
    given = {"eventhub_namespace": "x.servicebus.windows.net", "checkpoint_blob_url": url}
    settings = BackendSettings.model_validate(given)
    return azure_data.event_hub_questions(settings)[-1]


async def test_event_hubs_that_nobody_answers_for(identity: ManagedIdentity) -> None:
    given = {"eventhub_namespace": "localhost", "eventhub_endpoint": f"sb://127.0.0.1:{free_port()}"}
    settings = BackendSettings.model_validate({**given, "checkpoint_blob_url": "https://localhost/"})
    check = await _asked(azure_data.event_hub_questions(settings)[0])
    assert check.cause == "unreachable"
    assert "EVENTHUB_NAMESPACE" in check.fix


async def test_event_hubs_that_may_be_read_and_not_written() -> None:
    access = Access(policies={"RootManageSharedAccessKey": {"Listen"}})
    broker = Broker([Hub("telemetry", 2)], access)
    async with broker.listening():
        reading, sending = _hub(broker.connection_string)
        read, sent = await ask_all([reading, sending], lambda _check: None)
        other = broker.connection_string.replace("c2VjcmV0", "b3RoZXI=")
        wrong_key = await _asked(_hub(other)[0])
    assert (read.state, read.detail) == ("ok", "Event Hubs/telemetry: 2 partitions")
    assert sent.cause == wrong_key.cause == "not_allowed"
    assert "Azure Event Hubs Data Sender" in sent.detail
    assert "2b629674-e913-4c01-ae53-ef4638d8f975" in sent.fix


def _hub(connection_string: str) -> list[Question]:
    given = {"eventhub_connection_string": connection_string}
    blobs = {"checkpoint_connection_string": "UseDevelopmentStorage=true"}
    return azure_data.event_hub_questions(BackendSettings.model_validate({**given, **blobs}))[:2]


@pytest.mark.parametrize(
    ("status", "cause", "words"),
    [
        (401, "not_allowed", "does not accept the token or key"),
        (403, "not_allowed", "refuses this process"),
        (404, "wrong", "deploy the model"),
        (429, "", "throttled"),
        (500, "wrong", "answered 500"),
    ],
)
async def test_what_a_model_endpoint_answers(status: int, cause: str, words: str) -> None:
    with refusing(None, status, '{"error":{"message":"no","code":"x"}}') as url:
        check = await _asked(services.model_question(_model(f"{url}/v1")))
    assert check.cause == cause
    assert words in f"{check.detail} {check.fix}"


def _model(url: str) -> ModelSettings:
    return ModelSettings.model_validate({"openai_base_url": url})


async def test_a_model_that_writes_its_token() -> None:
    message = {"index": 0, "finish_reason": "length", "message": {"role": "assistant", "content": "ok"}}
    answer = {"id": "c", "object": "chat.completion", "created": 1, "model": "m-1", "choices": [message]}
    app = Starlette(routes=[Route("/v1/chat/completions", lambda _: JSONResponse(answer), methods=["POST"])])
    with serve(app) as port:
        check = await _asked(services.model_question(_model(f"http://127.0.0.1:{port}/v1")))
    assert (check.state, check.detail) == ("ok", "gpt-4o at 127.0.0.1 answers as m-1")


async def test_the_second_model_is_asked_as_well() -> None:
    peer = OpenAIPeer(deployments={"small": "gpt-4o-mini"}, api_key="second")
    with peer.running() as address:
        told = {"openai_base_url": "http://nowhere.invalid/v1", "openai_api_key": "first"}
        second = {
            "model_fallback": "small",
            "model_fallback_endpoint": f"{address}/v1",
            "model_fallback_api_key": "second",
        }
        question = services.fallback_question(ModelSettings.model_validate({**told, **second}))
        check = await _asked(question)
    assert (check.name, check.state) == ("seam: analyst, fallback", "ok"), check
    assert services.fallback_question(ModelSettings.model_validate(told)) is None


@pytest.mark.parametrize("version", [None, "2024-10-21"])
async def test_the_model_is_asked_by_the_path_by_which_the_worker_asks(
    identity: ManagedIdentity, certificates: Certificates, version: str | None
) -> None:
    peer = OpenAIPeer(deployments={"chat": "gpt-4o"}, issuer=identity.issuer)
    with peer.running(certificates) as address:
        told = {"azure_openai_endpoint": f"{address}/openai/v1", "azure_openai_api_version": version}
        question = services.model_question(ModelSettings.model_validate({**told, "model": "chat"}))
        check = await _asked(question)
    assert (check.state, check.detail) == ("ok", "chat at localhost answers as gpt-4o")


async def test_a_name_that_does_not_exist() -> None:
    check = await _asked(services.model_question(_model("http://nowhere.invalid/v1")))
    assert "no such name in DNS" in check.detail
    assert "OPENAI_BASE_URL" in check.fix


async def test_a_certificate_that_nobody_vouches_for(tmp_path: Path) -> None:
    with refusing(write_certificates(tmp_path), 200) as url:
        check = await _asked(services.model_question(_model(f"{url}/v1")))
    assert "certificate is not trusted" in check.detail
    assert "SSL_CERT_FILE" in check.fix


async def test_a_seam_that_says_nothing_has_a_deadline() -> None:
    with refusing(None, 200, hold=True) as url:
        asked = services.model_question(_model(f"{url}/v1"))
        assert asked is not None
        check = await _asked(Question(asked.name, asked.ask, asked.explain, seconds=0.2))
    assert "no answer within 0.2 s" in check.detail
    assert check.cause == "unreachable"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (grpc.StatusCode.PERMISSION_DENIED, "0ad04412-c4d5-4796-b79c-f76d14c8d402"),
        (grpc.StatusCode.UNAUTHENTICATED, "does not accept the token"),
        (grpc.StatusCode.UNAVAILABLE, "out of reach"),
    ],
)
async def test_what_a_task_hub_answers(code: grpc.StatusCode, words: str) -> None:
    async def refuse(_request: bytes, context: Any) -> bytes:
        await context.abort(code, "no")
        return b""

    class Everything(grpc.GenericRpcHandler):  # type: ignore[misc,unused-ignore]  # grpc has no types
        def service(self, _details: Any) -> Any:
            return grpc.unary_unary_rpc_method_handler(refuse)

    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Everything(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        backend = BackendSettings.model_validate({"dts_endpoint": f"http://localhost:{port}"})
        seam = Seam("task hub", "hub", "DTS_ENDPOINT", TASK_HUB)
        answer = Answer("ok", "")
        async with open_case_flow(backend) as flow:
            try:
                await flow.ping()
            except Exception as error:
                answer = explained(seam, error)
    finally:
        await server.stop(None)
    assert words in f"{answer.detail} {answer.fix}"


async def test_application_insights_that_takes_telemetry_and_one_that_lacks_the_role(
    identity: ManagedIdentity, certificates: Certificates
) -> None:
    ingestion = Ingestion()
    with ingestion.running() as environment:
        (question,) = services.export_questions(_observed(environment))
        check = await _asked(question)
    assert check.state == "ok"
    (message,) = ingestion.of("MessageData")
    assert "doctor" in message["message"]
    guarded = Ingestion(issuer=identity.issuer)
    with guarded.running(certificates=certificates) as environment:
        (question,) = services.export_questions(_observed(environment, applicationinsights_auth="entra"))
        check = await _asked(question)
    assert "Monitoring Metrics Publisher" in check.detail
    assert guarded.envelopes == []


async def test_a_collector_is_asked_too() -> None:
    with Collector().running() as environment:
        (question,) = services.export_questions(_observed(environment))
        check = await _asked(question)
    assert check.state == "ok"


def _observed(environment: dict[str, str], **changes: str) -> ObservabilitySettings:
    given = {name.lower(): value for name, value in environment.items()}
    return ObservabilitySettings.model_validate({**given, **changes})


async def test_sign_in_needs_keys_and_a_role_of_ones_own(
    identity: ManagedIdentity, certificates: Certificates
) -> None:
    issuer = Issuer("x")
    metadata: dict[str, str] = {}
    app = Starlette(
        routes=[
            Route("/tenant/v2.0/.well-known/openid-configuration", lambda _: JSONResponse(metadata)),
            Route("/keys", lambda _: JSONResponse(issuer.key_set())),
        ]
    )
    with serve(app, certificates) as port:
        base = f"https://localhost:{port}"
        metadata.update(issuer=f"{base}/tenant/v2.0", jwks_uri=f"{base}/keys")
        seams = SignInSettings(auth_tenant_id="tenant", auth_audience="api://fraud", auth_authority=base)
        keys, roles = services.sign_in_questions(seams)
        assert "1 signing key" in (await _asked(keys)).detail
        without = await _asked(roles)
        identity.roles = ("analyst",)
        assert "is analyst at api://fraud" in (await _asked(roles)).detail
    assert (without.state, without.cause) == ("bad", "not_allowed")
