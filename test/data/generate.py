#!/usr/bin/env python3
"""Writes the files of the demo shop: invented people, invented orders.

    python3 test/data/generate.py [--check]

The same files every time; --check compares with what is there instead of
writing.  Everybody in them is made up: addresses end in example.com,
example.org or .example (reserved for this, RFC 2606), phone numbers have a
run of zeros, and IP addresses are of the documentation range 192.0.2.0/24.
"""
import csv
import io
import json
import os
import random
import sys
from datetime import datetime, timedelta, timezone

rnd = random.Random(20261016)
HERE = os.path.dirname(os.path.abspath(__file__))
START = datetime(2026, 8, 3, 7, 0, tzinfo=timezone.utc)
DAYS = 74                                   # the last day is 2026-10-15

PRODUCTS = [                                # sku, name, category, price in PLN
    ('K-ETI', 'Ethiopia Sidamo 250 g', 'coffee', '46.00'),
    ('K-BRA', 'Brazil Santos 1 kg', 'coffee', '119.00'),
    ('K-COL', 'Colombia Huila 250 g', 'coffee', '44.00'),
    ('K-KEN', 'Kenya Nyeri 250 g', 'coffee', '58.00'),
    ('K-DEC', 'Decaf Honduras 250 g', 'coffee', '49.00'),
    ('T-SEN', 'Sencha 100 g', 'tea', '38.00'),
    ('T-EGR', 'Earl Grey 100 g', 'tea', '29.00'),
    ('T-OOL', 'Oolong 50 g', 'tea', '52.00'),
    ('T-ROO', 'Rooibos 150 g', 'tea', '27.00'),
    ('A-V60', 'V60 dripper', 'brewing', '79.00'),
    ('A-FIL', 'Paper filters, 100', 'brewing', '24.00'),
    ('A-MLY', 'Hand grinder', 'brewing', '289.00'),
    ('A-CZJ', 'Tea pot 0.6 l', 'brewing', '95.00'),
    ('A-KUB', 'Travel mug', 'brewing', '69.00'),
]
CITIES = [('Kraków', '31-0', 'PL'), ('Warszawa', '00-1', 'PL'), ('Gdańsk', '80-2', 'PL'),
          ('Wrocław', '50-3', 'PL'), ('Poznań', '61-4', 'PL'), ('Łódź', '90-5', 'PL'), ('Rzeszów', '35-6', 'PL')]
NAMES = """Katarzyna Wójcik f|Jan Kowalski m|Agnieszka Zielińska f|Piotr Wiśniewski m|Małgorzata Dąbrowska f
Łukasz Lewandowski m|Żaneta Wróbel f|Stanisław Kamiński m|Joanna Szymańska f|Paweł Woźniak m
Święcisława Kozłowska f|Tomasz Jankowski m|Ewa Mazur f|Michał Krawczyk m|Zofia Piotrowska f
Krzysztof Grabowski m|Anna Pawłowska f|Andrzej Michalski m|Barbara Nowicka f|Grzegorz Adamczyk m
Magdalena Dudek f|Marcin Zając m|Jolanta Wieczorek f|Rafał Jabłoński m|Ola Król f
Zbigniew Majewski m|Natalia Olszewska f|Wojciech Jaworski m|Halina Malinowska f|Dariusz Pawlak m
Beata Witkowska f|Jakub Walczak m|Iwona Stępień f|Adam Górski m|Renata Rutkowska f
Mateusz Michalak m|Sylwia Sikora f|Bartosz Ostrowski m|Wanda Baran f|Sebastian Duda m
Oksana Shevchenko f|Andriy Bondarenko m|Nguyễn Thị Hoa f|Hans Müller m|Chloé Lefèvre f
Maeve O'Connor f|José García m|Ingrid Sørensen f|Emre Yılmaz m|Li Wei m
Jadwiga Czarnecka f|Kamil Sawicki m|Dorota Urbańska f|Leszek Kubiak m|Irena Mróz f
Filip Szewczyk m|Teresa Pietrzak f|Oskar Marciniak m|Urszula Błaszczyk f|Igor Głowacki m"""
FOLD = str.maketrans('ąćęłńóśźżĄĆĘŁŃÓŚŹŻễịéèøıü', 'acelnoszzACELNOSZZeieeoiu')
UA = {'web': 'Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0',
      'mobile': 'Ziarno/3.2.0 (Android 15; Pixel 8)'}
CAMPAIGNS = [{'source': 'newsletter', 'medium': 'email', 'name': 'autumn_beans'},
             {'source': 'search', 'medium': 'cpc', 'name': 'coffee_generic'},
             {'source': 'social', 'medium': 'cpc', 'name': 'tea_time'}]


class Person:
    def __init__(self, number, text):
        given, self.sex = text.rsplit(' ', 1)
        self.number = number
        self.first, self.last = given.rsplit(' ', 1)
        ascii_name = (self.first.split()[0] + '.' + self.last).translate(FOLD).replace("'", '').lower()
        domain = ('example.com', 'example.org', 'poczta.example')[number % 3]
        self.email = f'{ascii_name}@{domain}'
        self.phone = f'{("601", "512", "725", "888", "697")[number % 5]}000{100 + number * 7:03d}'
        self.city, post, self.country = CITIES[number * 5 % len(CITIES)]
        self.post = f'{post}{number % 10}{number * 3 % 10}'
        self.birthday = f'{1955 + number * 7 % 50}-{1 + number * 5 % 12:02d}-{1 + number * 11 % 28:02d}'
        self.user_id = f'u-{1000 + number}'
        self.crm_id = f'C{number:04d}'
        self.card = f'29{7000000 + number * 137:07d}'
        self.cookie = f'{rnd.getrandbits(64):016x}'
        self.device = f'{rnd.getrandbits(64):016x}'
        # where the person is found, and how busy it is
        self.on_web = number <= 46
        self.on_app = number % 3 == 1 and number <= 46 or number in (3, 8)
        self.has_account = self.on_app or number % 4 == 0
        self.in_crm = number % 5 != 4
        self.visits = (7, 2, 3, 1, 5, 2, 2)[number % 7]


people = [Person(n, t) for n, t in enumerate(NAMES.replace('\n', '|').split('|'), 1)]
messages = {'web': [], 'mobile': [], 'late': []}
orders = []                                 # what the shop's back end knows
newsletter = []


def iso(t):
    return t.strftime('%Y-%m-%dT%H:%M:%S.') + f'{t.microsecond // 1000:03d}Z'


def send(where, at, kind, ids, delay=2, **fields):
    """One message as the libraries send it; `where` is a file."""
    source = 'web' if where == 'web' else 'mobile'
    at = at.replace(microsecond=rnd.randrange(1000) * 1000)
    context = {'library': {'name': 'analytics.js', 'version': '4.1.0'} if source == 'web'
               else {'name': 'analytics-android', 'version': '4.11.3'},
               'userAgent': UA[source], 'locale': 'pl-PL', 'timezone': 'Europe/Warsaw',
               'ip': f'192.0.2.{1 + rnd.randrange(250)}'}
    context.update(fields.pop('context', {}))
    message = {'type': kind, 'messageId': f'{source[0]}-{rnd.getrandbits(60):015x}', **ids, **fields,
               'context': context, 'timestamp': iso(at), 'sentAt': iso(at + timedelta(milliseconds=400)),
               'receivedAt': iso(at + timedelta(seconds=delay))}
    messages[where].append((at + timedelta(seconds=delay), message))
    return message


def product(p, quantity=None):
    line = {'product_id': p[0], 'sku': p[0], 'name': p[1], 'category': p[2], 'price': float(p[3])}
    if quantity:
        line['quantity'] = quantity
    return line


def phone_as_written(person):
    n = person.phone
    return (f'+48{n}', f'{n[:3]} {n[3:6]} {n[6:]}', f'{n[:3]}-{n[3:6]}-{n[6:]}', f'0048 {n}', f'(+48) {n[:3]} {n[3:]}',
            n)[person.number % 6]


def email_as_written(person):
    return (person.email, person.email.upper(), ' ' + person.email, person.email.title())[person.number % 4]


def traits(person, everything):
    said = {'email': person.email, 'firstName': person.first, 'lastName': person.last}
    if everything:
        said.update(phone='+48' + person.phone, birthday=person.birthday,
                    address={'city': person.city, 'postalCode': person.post, 'country': person.country})
    return said


def order(person, at, basket, channel):
    lines = [(p, 1 + (rnd.random() < .3)) for p in basket]
    value = sum(float(p[3]) * q for p, q in lines)
    number = f'Z-{len(orders) + 1:04d}'
    orders.append({'order_id': number, 'at': at, 'person': person, 'lines': lines, 'total': value, 'channel': channel})
    return {'order_id': number, 'total': round(value + 14.99, 2), 'revenue': round(value, 2), 'shipping': 14.99,
            'currency': 'PLN', 'products': [product(p, q) for p, q in lines]}


def visit(person, where, at, buys, known):
    """A visit to the shop or the app: look, perhaps put in the basket, perhaps buy."""
    ids = {'anonymousId': person.cookie if where == 'web' else person.device}
    if known and person.has_account:
        ids['userId'] = person.user_id
    extra = {}
    if where == 'web':
        if rnd.random() < .4:
            extra = {'context': {'campaign': rnd.choice(CAMPAIGNS)}}
        send(where, at, 'page', ids, name='Home', properties={'path': '/', 'url': 'https://ziarno.example/',
             'title': 'Ziarno: coffee and tea'}, **extra)
    else:
        send(where, at, 'screen', ids, name='Home', properties={})
    # most people have a favourite kind
    kinds = ('coffee', 'tea', 'brewing') if person.number % 2 else ('tea', 'coffee', 'brewing')
    basket = []
    for step in range(1 + rnd.randrange(3)):
        at += timedelta(seconds=20 + rnd.randrange(120))
        kind = kinds[0] if rnd.random() < .65 else rnd.choice(kinds)
        p = rnd.choice([x for x in PRODUCTS if x[2] == kind])
        send(where, at, 'track', ids, event='Product Viewed', properties=product(p))
        if p not in basket and (rnd.random() < .35 or buys and not basket):
            at += timedelta(seconds=15 + rnd.randrange(60))
            send(where, at, 'track', ids, event='Product Added', properties=product(p, 1))
            basket.append(p)
    if known and person.has_account and rnd.random() < .5 or known and person.visits > 5 and where == 'web':
        at += timedelta(seconds=30)
        send(where, at, 'identify', ids, traits=traits(person, person.has_account))
    if buys and basket:
        at += timedelta(seconds=60)
        send(where, at, 'track', ids, event='Checkout Started', properties={
             'value': sum(float(p[3]) for p in basket), 'currency': 'PLN', 'products': [product(p, 1) for p in basket]})
        at += timedelta(seconds=90)
        sold = order(person, at, basket, where)
        # a guest types the e-mail address at the checkout
        sold['email'] = person.email
        send(where, at, 'track', ids, event='Order Completed', properties=sold)


def when(day, hour=None):
    return START + timedelta(days=day, hours=rnd.randrange(13) if hour is None else hour - 7,
                             minutes=rnd.randrange(60), seconds=rnd.randrange(60))


hero = people[0]
for person in people:
    if not person.on_web:
        continue
    if person is hero:
        continue
    # some stopped coming in August, some came only lately
    first, last = ((0, 28), (30, DAYS - 1), (0, DAYS - 1))[person.number % 3]
    days = sorted(rnd.sample(range(first, last), min(person.visits, last - first)))
    for i, day in enumerate(days):
        where = 'mobile' if person.on_app and (i % 2 or not person.number % 4) else 'web'
        buys = rnd.random() < (.55 if person.number % 4 else .35)
        visit(person, where, when(day), buys, i > 0 or where == 'mobile')

# The person whose story is told: a guest in the browser, an account in the app, a
# card in the CRM, an address in the newsletter: nothing says yet that they are one.
for day in (2, 9, 20):
    visit(hero, 'web', when(day, 19), day == 20, False)
app = {'anonymousId': hero.device, 'userId': hero.user_id}
for day in (44, 58, 71):
    at = when(day, 20)
    if day == 44:
        send('mobile', at, 'identify', app, traits={'firstName': 'Kasia', 'phone': '+48 ' + hero.phone},
             context={'device': {'id': 'd-' + hero.device, 'model': 'Pixel 8'}})
        send('mobile', at + timedelta(seconds=5), 'track', app, event='Signed Up', properties={'method': 'phone'})
    visit(hero, 'mobile', at + timedelta(minutes=1), day == 58, True)
send('mobile', when(72, 21), 'track', app, event='Product Added', properties=product(PRODUCTS[11], 1))

# the tablet at the counter: many people sign in on one device
for i, person in enumerate([p for p in people[1:] if p.has_account][:5]):
    at = when(12 + i * 11, 12)
    ids = {'anonymousId': 'tablet-counter-1', 'userId': person.user_id}
    send('web', at, 'identify', ids, traits=traits(person, False))
    send('web', at + timedelta(seconds=40), 'track', ids, event='Loyalty Card Scanned', properties={'loyalty_id': person.card})

# an older library says by alias who the visitor is
for person in people[15:19]:
    if person.has_account:
        send('mobile', when(5), 'alias', {'userId': person.user_id, 'previousId': person.device})

# consent from the banner and the preference page
for person in [p for p in people if p.on_web][::3]:
    ids = {'anonymousId': person.cookie} if person is not hero else {'anonymousId': hero.cookie}
    choice = {'analytics': True, 'advertising': person.number % 2 == 0, 'email_marketing': person.number % 4 != 0}
    send('web', when(29 + person.number % 12), 'track', ids, event='Segment Consent Preference Updated', properties={},
         context={'consent': {'categoryPreferences': choice}})
# and one who said yes in August takes it back in October
loud = people[4]
send('web', when(66), 'track', {'anonymousId': loud.cookie}, event='Segment Consent Preference Updated', properties={},
     context={'consent': {'categoryPreferences': {'email_marketing': False}}})

# a device whose clock runs two days ahead: receipt and sentAt tell
at = when(40)
ids = {'anonymousId': people[6].device, 'userId': people[6].user_id}
fast = send('mobile', at, 'track', ids, event='Product Viewed', properties=product(PRODUCTS[7]))
for field in ('timestamp', 'sentAt'):
    moment = datetime.strptime(fast[field], '%Y-%m-%dT%H:%M:%S.%fZ').replace(tzinfo=timezone.utc)
    fast[field] = iso(moment + timedelta(days=2))

# a retry: the same messages twice
messages['web'] += messages['web'][40:46]

# orders at the counter and by phone, known to the back end alone
for i in range(34):
    person = rnd.choice([p for p in people if p.in_crm])
    order(person, when(rnd.randrange(DAYS)), rnd.sample(PRODUCTS, 1 + rnd.randrange(3)), 'counter')

# a phone that was offline all August sends in October what it has kept; it also says whose it is
offline = people[30]
ids = {'anonymousId': 'offline-' + offline.cookie[:8]}
for day in (1, 6, 18, 22, 23):
    at = when(day)
    arrived = int((when(73, 9) - at).total_seconds())
    p = rnd.choice(PRODUCTS[:5])
    message = send('late', at, 'track', ids, arrived, event='Product Viewed', properties=product(p))
    message['sentAt'] = iso(at + timedelta(seconds=arrived - 1))
    if day != 22:
        message = send('late', at + timedelta(seconds=50), 'track', ids, arrived - 50, event='Product Added',
                       properties=product(p, 1))
        message['sentAt'] = iso(at + timedelta(seconds=arrived - 1))
message = send('late', when(24), 'identify', {**ids, 'userId': offline.user_id}, 49 * 86400,
               traits=traits(offline, True))
message['sentAt'] = iso(when(73, 9))

BAD = [
    '{"type":"track","event":"Product Viewed","messageId":"bad-1","anonymousId":"5f1c',
    '{"type":"track","event":"Product Viewed","messageId":"bad-2","timestamp":"2026-09-20T10:00:00Z","properties":{"sku":"K-ETI"}}',
    '{"type":"track","event":"Product Viewed","messageId":"bad-3","userId":"null","anonymousId":"undefined","timestamp":"2026-09-20T10:01:00Z"}',
    '{"type":"trakc","event":"Product Viewed","messageId":"bad-4","anonymousId":"bad","timestamp":"2026-09-20T10:02:00Z"}',
    '{"type":"track","event":"Product Viewed","messageId":"bad-5","anonymousId":"bad","timestamp":"yesterday at noon"}',
    '{"type":"track","messageId":"bad-6","anonymousId":"bad","timestamp":"2026-09-20T10:04:00Z","properties":{}}',
    '"hello"',
]


def table(header, rows):
    out = io.StringIO()
    writer = csv.writer(out, lineterminator='\n')
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def crm():
    def row(person, number=None, first=None, last=None, email=None, phone=None):
        asked = person.number % 7
        return [number or person.crm_id, first or person.first, last or person.last,
                email_as_written(person) if email is None else email,
                phone_as_written(person) if phone is None else phone, person.birthday, person.city, person.post,
                person.card if person.number % 2 else '', ('tak', 'nie', 'tak', '')[person.number % 4],
                ('tak', 'nie', '')[person.number % 3], f'2026-07-{10 + asked:02d} 12:00:00']
    rows = [row(p) for p in people if p.in_crm]
    # entered twice: another number, a typo, one of the two contacts missing
    twins = [(1, 'Kowlaski', None, ''), (5, 'LEWANDOWSKI', '', None), (12, 'Mazur-Kot', None, ''),
             (20, 'Dudek', None, None), (35, 'Michalak', '', None)]
    for i, (n, last, email, phone) in enumerate(twins):
        rows.append(row(people[n], f'C{9001 + i}', people[n].first.split()[0], last, email, phone))
    rows[7][3] = 'pawel.wozniak@'              # no address, no number
    rows[9][4] = '12345'
    return table(['numer', 'imie', 'nazwisko', 'email', 'telefon', 'data_urodzenia', 'miasto', 'kod_pocztowy',
                  'karta', 'zgoda_email', 'zgoda_sms', 'zmieniono'], rows)


def order_lines():
    rows = []
    for o in sorted(orders, key=lambda o: (o['at'], o['order_id'])):
        person, counter = o['person'], o['channel'] == 'counter'
        local = o['at'] + timedelta(hours=2)    # the back end writes local time
        for p, q in o['lines']:
            rows.append([o['order_id'], local.strftime('%Y-%m-%d %H:%M:%S'), person.crm_id if person.in_crm else '',
                         '' if counter and person.number % 2 else person.email,
                         phone_as_written(person) if counter else '', o['channel'],
                         p[0], p[1], q, p[3], f"{o['total']:.2f}", 'PLN'])
    return table(['order_id', 'sold_at', 'crm_id', 'email', 'phone', 'channel', 'sku', 'product', 'quantity',
                  'price', 'revenue', 'currency'], rows)


def letters():
    rows = []
    for p in people[::2]:
        rows.append([p.email if p.number % 3 else p.email.upper(), p.first, 'tak' if p.number % 5 else 'nie',
                     f'2026-08-{4 + p.number % 25:02d} 08:30:00'])
    for i, name in enumerate(('bogna', 'cezary', 'nobody')):
        rows.append([f'{name}@example.org', '', 'tak', f'2026-09-{10 + i} 18:00:00'])
    return table(['email', 'imie', 'zgoda', 'data'], rows)


def ndjson(where):
    # a retry comes last of its second: files are in order of receipt
    ordered = sorted(enumerate(messages[where]), key=lambda m: (m[1][0], m[0]))
    return ''.join(json.dumps(m[1], ensure_ascii=False, separators=(',', ':')) + '\n' for _, m in ordered)


files = {'web.ndjson': ndjson('web'), 'mobile.ndjson': ndjson('mobile'), 'late.ndjson': ndjson('late'),
         'bad.ndjson': '\n'.join(BAD) + '\n', 'crm.csv': crm(), 'orders.csv': order_lines(), 'newsletter.csv': letters()}
status = 0
for name, text in files.items():
    path = os.path.join(HERE, name)
    if '--check' in sys.argv[1:]:
        with open(path, encoding='utf-8', newline='') as f:
            if f.read() != text:
                print(f'{name}: differs from what generate.py writes')
                status = 1
    else:
        with open(path, 'w', encoding='utf-8', newline='') as f:
            f.write(text)
        print(f'{name}: {text.count(chr(10))} lines, {len(text.encode())} bytes')
sys.exit(status)
