"""External events and timers, through the SDK."""

from __future__ import annotations

from durabletask.azuremanaged.client import DurableTaskSchedulerClient as Client

from tests.taskhub.conftest import ended, fresh_id, output, run


def test_events_raised_before_they_are_awaited_arrive_in_order(client: Client) -> None:
    instance_id = client.schedule_new_orchestration("waiting", input=5)
    for number in range(5):
        client.raise_orchestration_event(instance_id, "Next", data=number)
    assert output(ended(client, instance_id)) == [0, 1, 2, 3, 4]


def test_event_names_do_not_care_about_case(client: Client) -> None:
    instance_id = client.schedule_new_orchestration("waiting", input=2)
    client.raise_orchestration_event(instance_id, "NEXT", data="loud")
    client.raise_orchestration_event(instance_id, "next", data="quiet")
    assert output(ended(client, instance_id)) == ["loud", "quiet"]


def test_an_event_without_data_arrives_as_nothing(client: Client) -> None:
    instance_id = client.schedule_new_orchestration("waiting", input=1)
    client.raise_orchestration_event(instance_id, "Next")
    assert output(ended(client, instance_id)) == [None]


def test_an_ended_instance_ignores_events(client: Client) -> None:
    state = run(client, "echo", 1)
    client.raise_orchestration_event(state.instance_id, "Next", data=1)
    assert output(ended(client, state.instance_id)) == 1


def test_a_timer_fires_neither_early_nor_twice(client: Client) -> None:
    state = run(client, "sleeping", 0.2)
    assert output(state) >= 0
    names = [type(one).__name__ for one in client.get_orchestration_history(state.instance_id)]
    assert names.count("TimerFiredEvent") == 1


def test_a_timer_in_the_past_fires_at_once(client: Client) -> None:
    assert output(run(client, "sleeping", -60)) >= 60


def test_an_event_wins_against_a_long_timer_which_leaves_no_row_behind(client: Client) -> None:
    instance_id = client.schedule_new_orchestration("racing", input=3600)
    client.raise_orchestration_event(instance_id, "Next")
    assert output(ended(client, instance_id)) == "event"


def test_a_short_timer_wins_against_silence(client: Client) -> None:
    assert output(run(client, "racing", 0.05)) == "timer"


def test_one_orchestration_sends_another_an_event(client: Client) -> None:
    target = client.schedule_new_orchestration("waiting", input=1, instance_id=fresh_id("target"))
    assert output(run(client, "sender", target)) == "sent"
    assert output(ended(client, target)) == ["from another instance"]


def test_an_event_sent_to_nobody_is_dropped(client: Client) -> None:
    assert output(run(client, "sender", "nobody-at-all")) == "sent"


def test_hundreds_of_timers_due_together_all_fire(client: Client) -> None:
    ids = [client.schedule_new_orchestration("sleeping", input=0.5) for _ in range(100)]
    for instance_id in ids:
        assert output(ended(client, instance_id)) >= 0
