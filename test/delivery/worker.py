#!/usr/bin/env python3
"""Takes deliveries of one destination and hands them on, as any worker would.

    worker.py DESTINATION (--http URL | --file PATH) [--batch N] [--pause S] [--until-empty]

It finds the database as psql does (PGHOST, PGDATABASE ...).  Three rules make it
safe to kill at any moment, and to run as often as one likes:

  1. claim_deliveries() commits before anything is sent;
  2. complete_deliveries() is called only after the other side has said yes, or
     the file is on disk;
  3. what is sent carries delivery_id and idempotency_key, so that the other side
     knows a repetition, and knows of two messages about one identifier that the
     one with the higher delivery_id is true.

A worker that dies in between loses nothing: its lease runs out, and another one
sends the same deliveries again.
"""
import argparse
import json
import os
import subprocess
import sys
import time
import urllib.request

parser = argparse.ArgumentParser()
parser.add_argument('destination')
parser.add_argument('--http')
parser.add_argument('--file')
parser.add_argument('--batch', type=int, default=100)
parser.add_argument('--pause', type=float, default=0.5)
parser.add_argument('--until-empty', action='store_true')
options = parser.parse_args()


def ask(query, **values):
    """One statement in a transaction of its own; values are quoted by psql."""
    command = ['psql', '-qAtX', '-v', 'ON_ERROR_STOP=1']
    for name, value in values.items():
        command += ['-v', '%s=%s' % (name, value)]
    done = subprocess.run(command, input=query, stdout=subprocess.PIPE, text=True)
    return done.stdout if done.returncode == 0 else None


def claim():
    answer = ask("SELECT to_jsonb(c) FROM cdp.claim_deliveries(:'destination', :batch, :'worker') c;",
                 destination=options.destination, batch=options.batch, worker='worker %d' % os.getpid())
    return None if answer is None else [json.loads(line) for line in answer.splitlines()]


def complete(deliveries, ok, error=''):
    ids = '{%s}' % ','.join(str(d['delivery_id']) for d in deliveries)
    ask("SELECT cdp.complete_deliveries(:'ids', :'ok', nullif(:'error', ''));", ids=ids, ok=ok, error=error)


def send(deliveries, asked_at):
    body = '\n'.join(json.dumps(dict(d, asked_at=asked_at)) for d in deliveries) + '\n'
    if options.http:
        request = urllib.request.Request(options.http, body.encode(), {'Content-Type': 'application/x-ndjson'})
        with urllib.request.urlopen(request, timeout=30) as answer:
            answer.read()
    if options.file:
        # a line that a dead worker left half written ends here: readers pass it over
        handle = os.open(options.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(handle, ('\n' + body).encode())
            os.fsync(handle)
        finally:
            os.close(handle)


while True:
    asked_at = time.time()
    deliveries = claim()
    if deliveries:
        try:
            send(deliveries, asked_at)
        except Exception as error:
            complete(deliveries, 'false', '%s: %s' % (type(error).__name__, error))
        else:
            complete(deliveries, 'true')
    elif options.until_empty and deliveries is not None:
        sys.exit(0)
    else:
        time.sleep(options.pause)
