"""What Contoso sells: plans, devices, add-ons and promotions."""

from datetime import date, timedelta

from devstack.contoso_book import ContosoBook

_PRODUCTS = (
    ("Mobile Basic", "Calls and texts with 20 GB of data", "Mobile", 25.0),
    ("Mobile Plus", "Calls and texts with 60 GB of data and roaming in 30 countries", "Mobile", 42.0),
    ("Mobile Unlimited", "Unlimited calls, texts and data", "Mobile", 58.0),
    ("Family Unlimited", "Five lines that share unlimited data, streaming included", "Bundle", 109.0),
    ("Home Fiber 500", "Fibre at home, 500 Mbit/s", "Internet", 49.0),
    ("Home Fiber 1000", "Fibre at home, 1 Gbit/s", "Internet", 69.0),
    ("Roaming Day Pass", "A day of home allowance abroad", "Add-on", 8.0),
    ("Roaming Travel Week", "Seven days of home allowance abroad", "Add-on", 29.0),
    ("Phone Case", "Impact case", "Accessory", 24.9),
    ("Wireless Earbuds", "Earbuds with charging case", "Accessory", 89.0),
    ("Fast Charger", "45 W charger with cable", "Accessory", 34.5),
    ("Contoso Phone 9", "Handset, 128 GB", "Device", 599.0),
    ("Contoso Phone 9 Pro", "Handset, 256 GB", "Device", 899.0),
    ("Contoso Tablet", "Tablet, 11 inch", "Device", 749.0),
    ("Contoso Laptop", "Laptop with mobile data", "Device", 1700.0),
    ("Contoso Workstation", "Laptop, 16 inch", "Device", 1800.0),
    ("Contoso Foldable", "Folding handset, 512 GB", "Device", 1500.0),
    ("Gift Card 500", "Gift card worth 500", "Gift card", 500.0),
)
PRODUCT_IDS = {name: number for number, (name, *_) in enumerate(_PRODUCTS, start=1)}
PRICES = {name: price for name, _, _, price in _PRODUCTS}
ORDINARY_ORDERS = ("Phone Case", "Wireless Earbuds", "Fast Charger", "Roaming Day Pass")
DATA_CAP_GB = {"Mobile Basic": 20, "Mobile Plus": 60}


def stock_catalogue(book: ContosoBook, today: date) -> None:
    """Add every product, and the promotions that run this season."""
    for name, description, category, fee in _PRODUCTS:
        book.add("Products", name=name, description=description, category=category, monthly_fee=fee)
    starts, ends = today - timedelta(days=30), today + timedelta(days=60)
    for plan, name, criteria, percent in (
        ("Mobile Plus", "Autumn upgrade", "loyalty_level = 'Gold'", 20),
        ("Home Fiber 500", "Fibre welcome", "loyalty_level = 'Silver'", 15),
        ("Mobile Basic", "First month half price", "new customers, once per household", 50),
    ):
        book.add(
            "Promotions",
            product_id=PRODUCT_IDS[plan],
            name=name,
            description=f"{percent}% off {plan}",
            eligibility_criteria=criteria,
            start_date=starts.isoformat(),
            end_date=ends.isoformat(),
            discount_percent=percent,
        )
