"""Stories in which somebody else is using the customer's account."""

from decimal import Decimal

from casework.alert import Severity
from devstack.stories import events as e
from devstack.stories.scene import Scene
from devstack.stories.story import AlertTemplate, Story, StoryEvent, fraud
from mcp_tools.security_text import SecurityText

_SPRAYING_ADDRESSES = ("203.0.113.21", "203.0.113.87", "198.51.100.14")


def _fly_impossibly(scene: Scene) -> None:
    abroad = SecurityText(country="Russia", ip="203.0.113.44", device_id="dev-9044")
    scene.login(1, scene.moment(1, "19:41:10"))
    scene.login(1, scene.moment(1, "20:32:55"), abroad)
    scene.log(1, "password_reset", scene.moment(1, "20:36:02"), "Password reset completed", abroad)
    scene.login(1, scene.moment(1, "20:38:41"), abroad)


def spray_passwords(scene: Scene, customer_id: int, device_id: str) -> None:
    """Eleven failures from three addresses in seven minutes, then a success from one of them."""
    for attempt in range(11):
        guess = SecurityText(country="Romania", ip=_SPRAYING_ADDRESSES[attempt % 3], method="password")
        when = scene.moment(1, f"21:{14 + attempt * 40 // 60:02d}:{attempt * 40 % 60:02d}")
        scene.login(customer_id, when, guess, ok=False)
    intruder = SecurityText(
        country="Romania", ip=_SPRAYING_ADDRESSES[1], device_id=device_id, method="password"
    )
    scene.login(customer_id, scene.moment(1, "21:22:09"), intruder)
    scene.log(customer_id, "email_change", scene.moment(1, "21:25:40"), "E-mail address changed", intruder)


def sprayed_telemetry() -> tuple[StoryEvent, ...]:
    """What password spraying that works looks like on the wire."""
    guesses = tuple(e.auth_failure(9 - 0.6 * n, _SPRAYING_ADDRESSES[n % 3]) for n in range(11))
    return (*guesses, e.login(1, "Romania", _SPRAYING_ADDRESSES[1], "dev-9106"))


def _swap_sim(scene: Scene) -> None:
    taken = SecurityText(country="Turkey", ip="198.51.100.61", device_id="dev-9307")
    shop = SecurityText(channel="phone")
    scene.log(7, "sim_swap", scene.moment(1, "13:05:00"), "SIM replaced after a call to support", shop)
    scene.log(7, "roaming_registered", scene.moment(1, "14:22:00"), "Registered on a network in Turkey")
    scene.log(
        7, "password_reset", scene.moment(1, "14:31:12"), "Password reset by text message completed", taken
    )
    scene.login(7, scene.moment(1, "14:33:50"), taken)
    scene.use(7, 1, data_used_mb=11_800, voice_minutes=6)
    scene.use(7, 0, data_used_mb=9_400, voice_minutes=0)


def _spend_five_thousand(scene: Scene) -> None:
    thief = SecurityText(country="Vietnam", ip="203.0.113.130", device_id="dev-9210")
    scene.login(3, scene.moment(1, "18:56:20"), thief)
    scene.order(3, "Contoso Workstation", scene.moment(1, "19:04:11"))
    scene.order(3, "Contoso Laptop", scene.moment(1, "19:08:37"))
    scene.order(3, "Contoso Foldable", scene.moment(1, "19:12:58"))


def _wake_the_dormant(scene: Scene) -> None:
    asleep_since, caller = 204, SecurityText(channel="phone")
    slept = (scene.day(asleep_since), scene.day(1))
    scene.book.remove(
        "SecurityLogs", lambda row: row["customer_id"] == 15 and slept[0] <= row["event_timestamp"] < slept[1]
    )
    scene.book.remove(
        "DataUsage", lambda row: row["subscription_id"] == 15 and slept[0] <= row["usage_date"] < slept[1]
    )
    stranger = SecurityText(country="Latvia", ip="198.51.100.150", device_id="dev-9415")
    scene.login(15, scene.moment(asleep_since + 1, "09:12:00"))
    reactivated = f"Account reactivated after {asleep_since} dormant days"
    scene.log(15, "reactivated", scene.moment(1, "10:02:00"), reactivated, caller)
    scene.log(15, "address_change", scene.moment(1, "10:09:00"), "Delivery address changed", caller)
    scene.login(15, scene.moment(1, "10:31:00"), stranger)
    scene.order(15, "Contoso Phone 9 Pro", scene.moment(1, "10:40:00"))
    scene.order(15, "Gift Card 500", scene.moment(1, "10:44:00"))


def _talk_support_round(scene: Scene) -> None:
    caller = SecurityText(channel="phone")
    new_phone = SecurityText(country="UK", ip="203.0.113.201", device_id="dev-9519")
    scene.ticket(
        19,
        scene.moment(1, "15:02:00"),
        "Lost phone, urgent change of e-mail",
        "Caller says the phone was stolen and cannot receive codes. Could not name the last invoice"
        " amount; passed on date of birth and postcode. Asked twice for speed.",
        priority="urgent",
    )
    scene.log(19, "email_change", scene.moment(1, "15:11:00"), "E-mail address changed by an agent", caller)
    scene.log(
        19, "password_reset", scene.moment(1, "15:19:30"), "Password reset by e-mail completed", new_phone
    )
    scene.login(19, scene.moment(1, "15:21:02"), new_phone)
    scene.order(19, "Contoso Tablet", scene.moment(1, "15:34:40"))
    scene.order(19, "Gift Card 500", scene.moment(1, "15:36:15"))


def _call_premium_numbers(scene: Scene) -> None:
    intruder = SecurityText(country="Somalia", ip="198.51.100.88", device_id="dev-9616", method="sip")
    scene.login(16, scene.moment(2, "23:40:12"), intruder)
    for days_ago, at, minutes in ((2, "23:52:00", 188), (1, "00:47:00", 243), (1, "02:10:00", 169)):
        what = f"{minutes} minutes of calls to premium-rate numbers"
        scene.log(16, "premium_calls", scene.moment(days_ago, at), what, intruder)
    scene.use(16, 2, voice_minutes=196)
    scene.use(16, 1, voice_minutes=412)
    scene.invoice(16, 1, 1_284.0, "Premium-rate calls, unbilled so far")


TAKEOVERS = (
    Story(
        key="impossible_travel",
        title="Two countries in fifty minutes",
        narrative="Alice signs in at home in Seattle; fifty minutes later a phone she never used signs in"
        " from Russia, resets her password and stays.",
        customer_ids=(1,),
        alert=AlertTemplate(
            "ALERT-001",
            1,
            "multi_country_login",
            Severity.HIGH,
            "Login attempts from USA and Russia within 2 hours",
        ),
        rows=_fly_impossibly,
        telemetry=(
            e.login(55, "USA", "192.0.2.1", "dev-2001"),
            e.login(4, "Russia", "203.0.113.44", "dev-9044"),
        ),
        expected_rule="multi_country_login",
        answer=fraud("lock_account", "SecurityLogs"),
    ),
    Story(
        key="shopping_spree",
        title="Five thousand in ten minutes",
        narrative="A stranger signs in to Carlos's account from Vietnam and orders three laptops and phones"
        " for 5,000 before anyone notices.",
        customer_ids=(3,),
        alert=AlertTemplate(
            "ALERT-003",
            3,
            "unusual_charges",
            Severity.HIGH,
            "Three large purchases totaling $5,000 in 10 minutes",
            Decimal("5000.00"),
        ),
        rows=_spend_five_thousand,
        telemetry=(
            e.login(18, "Vietnam", "203.0.113.130", "dev-9210"),
            e.transaction(10, 1800.0, "Contoso Store"),
            e.transaction(6, 1700.0, "Contoso Store"),
            e.transaction(2, 1500.0, "Contoso Store"),
        ),
        expected_rule="unusual_charges",
        answer=fraud("both", "Orders", "SecurityLogs"),
    ),
    Story(
        key="password_spraying",
        title="Eleven guesses, then in",
        narrative="Eleven wrong passwords from three addresses in seven minutes, then the right one from an"
        " unknown phone, which changes the e-mail address.",
        customer_ids=(6,),
        alert=AlertTemplate(
            "STORY-password-spraying",
            6,
            "account_takeover",
            Severity.HIGH,
            "11 failed logins in 7 minutes from 3 addresses, then a successful login",
        ),
        rows=lambda scene: spray_passwords(scene, 6, "dev-9106"),
        telemetry=sprayed_telemetry(),
        expected_rule="account_takeover",
        answer=fraud("lock_account", "SecurityLogs"),
    ),
    Story(
        key="sim_swap",
        title="The number moves abroad",
        narrative="Support replaces Gareth's SIM after a phone call. An hour later the number registers in"
        " Turkey, resets the password by text message and burns through data.",
        customer_ids=(7,),
        alert=AlertTemplate(
            "STORY-sim-swap",
            7,
            "sim_swap",
            Severity.CRITICAL,
            "SIM replaced, then roaming in Turkey and 11.8 GB used within 10 hours",
        ),
        rows=_swap_sim,
        telemetry=(
            e.account_change(300, "sim_swap", "phone"),
            e.roaming(220, "Turkey", 7),
            e.account_change(211, "password_reset", "sms"),
            e.data_usage(15, 11.8, 7),
        ),
        expected_rule="sim_swap",
        answer=fraud("lock_account", "SecurityLogs", "DataUsage"),
    ),
    Story(
        key="dormant_account",
        title="Woken by a stranger",
        narrative="Oscar has not used his account for 204 days. A caller has it reactivated and the address"
        " changed, then an unknown phone in Latvia orders a handset and a gift card.",
        customer_ids=(15,),
        alert=AlertTemplate(
            "STORY-dormant-account",
            15,
            "dormant_reactivation",
            Severity.MEDIUM,
            "Account reactivated by phone after 204 dormant days",
        ),
        rows=_wake_the_dormant,
        telemetry=(
            e.account_change(40, "reactivation", "phone", dormant_days=204),
            e.account_change(33, "address_change", "phone"),
            e.login(11, "Latvia", "198.51.100.150", "dev-9415"),
            e.transaction(2, 899.0, "Contoso Store"),
        ),
        expected_rule="dormant_reactivation",
        answer=fraud("both", "SecurityLogs", "Orders"),
    ),
    Story(
        key="support_social_engineering",
        title="A persuasive caller",
        narrative="A caller who cannot name the last invoice talks support into changing Samuel's e-mail"
        " address, resets the password with it and orders a tablet and a gift card.",
        customer_ids=(19,),
        alert=AlertTemplate(
            "STORY-support-social-engineering",
            19,
            "credential_change",
            Severity.HIGH,
            "E-mail changed by phone, password reset 8 minutes later, then a purchase of $749.00",
            Decimal("749.00"),
        ),
        rows=_talk_support_round,
        telemetry=(
            e.account_change(38, "email_change", "phone"),
            e.account_change(30, "password_reset", "email"),
            e.login(28, "UK", "203.0.113.201", "dev-9519"),
            e.transaction(14, 749.0, "Contoso Store"),
        ),
        expected_rule="credential_change",
        answer=fraud("both", "SecurityLogs", "Orders", "SupportTickets"),
    ),
    Story(
        key="premium_rate_calls",
        title="A night of expensive calls",
        narrative="Somebody uses Priya's voice credentials from abroad and lets them ring premium-rate"
        " numbers all night: 600 minutes where 20 a day are usual.",
        customer_ids=(16,),
        alert=AlertTemplate(
            "STORY-premium-rate-calls",
            16,
            "premium_rate_calls",
            Severity.HIGH,
            "169 minutes of premium-rate calls within one hour",
            Decimal("1284.00"),
        ),
        rows=_call_premium_numbers,
        telemetry=tuple(e.premium_call(45 - 9 * n, "+252", 34.0) for n in range(5)),
        expected_rule="premium_rate_calls",
        answer=fraud("lock_account", "DataUsage", "SecurityLogs"),
    ),
)
