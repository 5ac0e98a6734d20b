"""The detection rules in force, and how often each has fired."""

from fastapi import APIRouter

from casework.alert import Frozen
from casework.permissions import Permission
from casework.rules import Rule
from server.dependencies import TheDesk
from server.identity.declared import needs

router = APIRouter(tags=["detection"])


class RuleView(Frozen):
    """A rule as declared; `hits` since this process started, `cases` over all time."""

    rule: Rule
    hits: int
    cases: int


class RuleList(Frozen):
    items: tuple[RuleView, ...]


@router.get("/rules", summary="Rules with their hits")
@needs(Permission.LOOK)
async def rules(desk: TheDesk) -> RuleList:
    """Shadow rules fire without opening cases."""
    by_rule = await desk.backends.cases.tally("rule")
    return RuleList(
        items=tuple(
            RuleView(rule=rule, hits=desk.ingest.hits[rule.id], cases=by_rule.get(rule.id, 0))
            for rule in desk.ingest.rules
        )
    )
