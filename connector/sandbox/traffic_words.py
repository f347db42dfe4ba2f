"""What a shop of the demo is made of: people, places and goods, all invented."""

from typing import Final

FIRST_NAMES: Final = (
    "Тарас", "Олена", "Ґалина", "Софія", "Андрій", "Zoë", "María José", "Jürgen", "O’Neil", "Łukasz",
    "Anaïs", "John", "Дмитро", "Ярослава", "Ірина", "Noah", "Chloé", "Мар’яна", "李娜",
)  # fmt: skip
LAST_NAMES: Final = (
    "Шевченко", "Коваленко", "Бондаренко", "Ґонта", "Мельник", "O'Brien", "Müller", "Nowak", "García",
    "Ткаченко", "Кравець", "Smith", "Лисенко", "Dubois", "Петренко", "Їжак", "Савчук", "Johansson", "王",
)  # fmt: skip
CITIES: Final = (
    "Київ",
    "Львів",
    "Одеса",
    "Дніпро",
    "Харків",
    "Чернівці",
    "Warszawa",
    "Berlin",
    "Kraków",
    "Praha",
)
STREETS: Final = ("вул. Хрещатик", "пр. Свободи", "вул. Дерибасівська", "ul. Długa", "Hauptstraße", "Карлова")
GOODS: Final = (
    ("Чайник «Вода» 1,7 л", "Дім/Кухня", "1299.00"),
    ("Кава в зернах, 1 кг ☕", "Продукти", "689.50"),
    ("Шкарпетки з котами 🧦", "Одяг", "119.90"),
    ("Super Device Pro", "Electronics", "24999.00"),
    ("USB-C cable, 2 m", "Electronics", "249.00"),
    ('Вишиванка "Зоря"', "Одяг", "2150.00"),
    ("Дитячий пазл, 500 ел.", "Іграшки", "415.25"),
    ("Навушники <Air>", "Electronics", "3499.99"),
    ("Книга «Тигролови»", "Книги", "320.00"),
    ("Bio Honig & Nüsse", "Продукти", "275.40"),
)  # fmt: skip
"""Name, category, price."""
CURRENCIES: Final = ("UAH", "UAH", "UAH", "UAH", "EUR", "PLN")
METHODS: Final = ("nova_poshta", "courier", "pickup", "ukrposhta")
PAYMENTS: Final = ("card", "cash_on_delivery", "apple_pay", "google_pay")
