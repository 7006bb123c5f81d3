#!/usr/bin/env python3
"""A destination: takes deliveries by HTTP and keeps what they tell.

    sink.py PORT_FILE LOG [FAILURES] [SEED]

POST /   lines of JSON, as worker.py sends them; every line goes to LOG
GET /    what it holds now: lines "audience <tab> type:value", sorted
FAILURES is the share of requests that go wrong: half of them are refused with
503 before anything is kept, half are kept and the answer is lost.
"""
import http.server
import json
import os
import random
import sys
import threading

held = {}                        # (audience, identifier): (delivery_id, is there)
lock = threading.Lock()
log = open(sys.argv[2], 'a')
failures = float(sys.argv[3]) if len(sys.argv) > 3 else 0
chance = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 1)


class Sink(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length'])).decode()
        with lock:
            draw = chance.random()
            if draw < failures / 2:
                return self.send_error(503)
            for line in body.splitlines():
                delivery = json.loads(line)
                log.write(line + '\n')
                for kind, values in delivery['identifiers'].items():
                    for value in values:
                        key = (delivery['audience'], '%s:%s' % (kind, value))
                        # a repetition, or a message that was overtaken, changes nothing
                        if held.get(key, (0,))[0] < delivery['delivery_id']:
                            held[key] = (delivery['delivery_id'], delivery['operation'] == 'add')
            log.flush()
        if draw < failures:
            return self.close_connection_rudely()
        self.send_response(204)
        self.end_headers()

    def do_GET(self):
        with lock:
            lines = sorted('%s\t%s' % key for key, (_, there) in held.items() if there)
        body = ''.join(line + '\n' for line in lines).encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def close_connection_rudely(self):
        self.close_connection = True

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Sink)
with open(sys.argv[1] + '.new', 'w') as file:
    file.write(str(server.server_port))
os.rename(sys.argv[1] + '.new', sys.argv[1])
server.serve_forever()
