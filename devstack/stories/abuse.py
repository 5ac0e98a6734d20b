"""Stories in which the customer, or whoever signed up as one, is the fraud."""

from decimal import Decimal

from casework.alert import Severity
from devstack.stories import events as e
from devstack.stories.scene import Scene
from devstack.stories.story import AlertTemplate, Story, StoryEvent, fraud
from mcp_tools.security_text import SecurityText

_RING = (10, 11, 12, 13)
_RING_PHONE = SecurityText(country="USA", ip="198.51.100.77", device_id="dev-7710")


def _send_everything_back(scene: Scene) -> None:
    for number, (days_ago, product) in enumerate(
        ((46, "Wireless Earbuds"), (38, "Fast Charger"), (27, "Wireless Earbuds"), (15, "Phone Case"),
         (9, "Wireless Earbuds"), (5, "Fast Charger"), (3, "Wireless Earbuds"))
    ):  # fmt: skip
        order_id = scene.order(8, product, scene.moment(days_ago, "11:30:00"), status="returned")
        if number >= 3:
            what = f"Refund requested for order {order_id}, reason not received"
            scene.log(8, "refund_request", scene.moment(1, f"{12 + number}:20:00"), what, scene.at_home(8))
    scene.ticket(
        8,
        scene.moment(1, "19:05:00"),
        "Four parcels never arrived",
        "Customer asks for four refunds at once. Carrier shows all four as delivered and signed for.",
        category="billing",
    )


def _redeem(scene: Scene, customer_id: int, when: str, code: str, said: SecurityText) -> None:
    scene.log(customer_id, "promo_redeemed", when, f"Promotion code {code} redeemed", said)


def _stack_promotions(scene: Scene) -> None:
    codes = ("WELCOME50", "FIRSTMONTH", "STUDENT30", "FIBREHELLO", "FRIEND25", "COMEBACK40")
    for number, code in enumerate(codes):
        _redeem(
            scene,
            9,
            scene.moment(1, f"{16 + number // 2}:{10 + 25 * (number % 2)}:00"),
            code,
            scene.at_home(9),
        )
    scene.invoice(9, 1, 0.0, "Mobile Basic after six promotion credits of 25.00")
    scene.order(9, "Wireless Earbuds", scene.moment(1, "19:12:00"), amount=8.9)
    scene.order(9, "Fast Charger", scene.moment(1, "19:15:00"), amount=3.5)


def _form_a_ring(scene: Scene) -> None:
    for number, customer_id in enumerate(_RING):
        at = 20 + number
        scene.login(customer_id, scene.moment(6, f"{at}:03:00"), _RING_PHONE)
        scene.login(customer_id, scene.moment(1, f"{at}:14:00"), _RING_PHONE)
        for minute, code in (
            (20, "FIRSTMONTH"),
            (24, f"FRIEND{customer_id}A"),
            (27, f"FRIEND{customer_id}B"),
        ):
            _redeem(scene, customer_id, scene.moment(1, f"{at}:{minute}:00"), code, _RING_PHONE)
        scene.order(customer_id, "Gift Card 500", scene.moment(1, f"{at}:40:00"), amount=250.0)


def _scrape(scene: Scene) -> None:
    robot = SecurityText(country="Netherlands", ip="198.51.100.201", device_id="dev-9714", method="api_key")
    scene.login(14, scene.moment(1, "02:58:00"), robot)
    for number, calls in enumerate((612, 640, 655, 660)):
        what = f"{calls} API calls in 60 seconds to /v1/customers/lookup with consecutive numbers"
        scene.log(14, "api_burst", scene.moment(1, f"03:{4 + number:02d}:00"), what, robot)


def _bust_out(scene: Scene) -> None:
    locker = SecurityText(channel="web")
    scene.login(18, scene.moment(2, "08:40:00"))
    scene.log(
        18,
        "address_change",
        scene.moment(2, "08:44:00"),
        "Delivery address changed to a parcel locker",
        locker,
    )
    for days_ago, at, product in ((2, "09:02:00", "Contoso Foldable"), (1, "17:20:00", "Contoso Phone 9 Pro"),
                                  (1, "17:31:00", "Contoso Laptop")):  # fmt: skip
        scene.order(18, product, scene.moment(days_ago, at))
    bill = scene.invoice(18, 4, 4_099.0, "Device instalments, first charge")
    scene.payment(bill, 3, 4_099.0, "failed")
    scene.payment(bill, 2, 4_099.0, "failed")
    scene.payment(bill, 1, 4_099.0, "failed")


def _resell_data(scene: Scene) -> None:
    for days_ago, megabytes in ((3, 38_400), (2, 51_200), (1, 66_900), (0, 58_300)):
        scene.use(17, days_ago, data_used_mb=megabytes)
    for number in range(4):
        guest = SecurityText(ip="198.51.100.17", device_id=f"dev-98{number}7", method="hotspot")
        scene.log(
            17,
            "tethering_device",
            scene.moment(1, f"1{number}:25:00"),
            "New device behind the hotspot",
            guest,
        )


def _test_cards(scene: Scene) -> None:
    bill = scene.invoice(20, 2, 25.0, "Account top-up")
    for number in range(12):
        card = SecurityText(ip="203.0.113.175", device_id="dev-9820", card_id=f"card-{4410 + number * 7}")
        minute = 5 + number // 2
        scene.log(
            20, "card_added", scene.moment(1, f"04:{minute:02d}:{30 * (number % 2):02d}"), "Payment", card
        )
        scene.payment(bill, 1, 1.0, "successful" if number == 8 else "failed")


ABUSE = (
    Story(
        key="refund_abuse",
        title="Nothing ever arrives",
        narrative="Hannah has returned or disputed every order of the last weeks; now she wants four refunds"
        " in one day for parcels that were signed for.",
        customer_ids=(8,),
        alert=AlertTemplate(
            "STORY-refund-abuse",
            8,
            "refund_abuse",
            Severity.MEDIUM,
            "4 refund requests in 24 hours, $237.40 in all",
            Decimal("237.40"),
        ),
        rows=_send_everything_back,
        telemetry=tuple(
            e.refund(200 - 50 * n, amount, 9000 + n) for n, amount in enumerate((24.9, 89.0, 34.5, 89.0))
        ),
        expected_rule="refund_abuse",
        answer=fraud("lock_account", "Orders", "SecurityLogs"),
    ),
    Story(
        key="promo_abuse",
        title="Six codes in an afternoon",
        narrative="Ivan stacks six promotion codes meant for new customers, students and returners, until"
        " his bill is nothing, and orders accessories at a tenth of their price.",
        customer_ids=(9,),
        alert=AlertTemplate(
            "STORY-promo-abuse",
            9,
            "promo_abuse",
            Severity.MEDIUM,
            "6 different promotion codes redeemed in 3 hours",
        ),
        rows=_stack_promotions,
        telemetry=tuple(
            e.promotion(170 - 30 * n, code)
            for n, code in enumerate(
                ("WELCOME50", "FIRSTMONTH", "STUDENT30", "FIBREHELLO", "FRIEND25", "COMEBACK40")
            )
        ),
        expected_rule="promo_abuse",
        answer=fraud("lock_account", "SecurityLogs"),
    ),
    Story(
        key="device_ring",
        title="Four customers, one phone",
        narrative="Four accounts opened within a week sign in from one phone at one address, refer each other"
        " with friend codes and turn the credit into gift cards.",
        customer_ids=_RING,
        alert=AlertTemplate(
            "STORY-device-ring",
            10,
            "promo_abuse",
            Severity.MEDIUM,
            "3 different promotion codes redeemed in 7 minutes",
        ),
        rows=_form_a_ring,
        telemetry=tuple(
            StoryEvent(event.offset, event.event_type, event.details, customer_id)
            for position, customer_id in enumerate(_RING)
            for event in (
                e.login(60 - 12 * position, "USA", "198.51.100.77", "dev-7710"),
                e.promotion(58 - 12 * position, "FIRSTMONTH"),
                e.promotion(56 - 12 * position, f"FRIEND{customer_id}A"),
                e.promotion(54 - 12 * position, f"FRIEND{customer_id}B"),
            )
        ),
        expected_rule="promo_abuse",
        answer=fraud("lock_account", "SecurityLogs"),
    ),
    Story(
        key="api_scraping",
        title="A robot reads the customer list",
        narrative="An API key issued for Nadia's home broadband asks for consecutive customer numbers, more"
        " than six hundred a minute, from a data centre.",
        customer_ids=(14,),
        alert=AlertTemplate(
            "STORY-api-scraping",
            14,
            "api_scraping",
            Severity.MEDIUM,
            "660 API calls in 60 seconds to one endpoint",
        ),
        rows=_scrape,
        telemetry=tuple(e.api_call(1 - n * 0.012, "/v1/customers/lookup") for n in range(75)),
        expected_rule="api_scraping",
        answer=fraud("lock_account", "SecurityLogs"),
    ),
    Story(
        key="bust_out",
        title="Eighteen days old and four thousand down",
        narrative="Rosa's account is eighteen days old. The delivery address moves to a parcel locker, three"
        " devices are ordered on instalments and no payment ever succeeds.",
        customer_ids=(18,),
        alert=AlertTemplate(
            "STORY-bust-out",
            18,
            "spending_spike",
            Severity.MEDIUM,
            "A purchase of $1,700.00 where $21.60 is usual",
            Decimal("1700.00"),
        ),
        rows=_bust_out,
        telemetry=(*e.ordinary_spending(), e.transaction(2, 1700.0, "Contoso Store")),
        expected_rule="spending_spike",
        answer=fraud("both", "Orders", "Payments"),
    ),
    Story(
        key="data_resale",
        title="A phone that feeds a street",
        narrative="Quentin's phone goes from under one gigabyte a day to sixty, with new devices behind its"
        " hotspot every hour: the plan is being resold.",
        customer_ids=(17,),
        alert=AlertTemplate(
            "STORY-data-resale",
            17,
            "data_usage_spike",
            Severity.MEDIUM,
            "66.9 GB used where 0.9 GB is usual",
        ),
        rows=_resell_data,
        telemetry=(*e.ordinary_usage(17, 0.9), e.data_usage(3, 66.9, 17)),
        expected_rule="data_usage_spike",
        answer=fraud("lock_account", "DataUsage", "SecurityLogs"),
    ),
    Story(
        key="card_testing",
        title="Twelve cards, one dollar each",
        narrative="Twelve payment cards are tried on Tessa's account in six minutes, one dollar at a time,"
        " from one address. One of them works.",
        customer_ids=(20,),
        alert=AlertTemplate(
            "STORY-card-testing",
            20,
            "card_testing",
            Severity.MEDIUM,
            "12 payments of $1.00 in 6 minutes",
            Decimal("12.00"),
        ),
        rows=_test_cards,
        telemetry=tuple(e.transaction(7 - 0.5 * n, 1.0, "Account top-up") for n in range(12)),
        expected_rule="card_testing",
        answer=fraud("lock_account", "Payments", "SecurityLogs"),
    ),
)
