"""Receives notices: `python receiver.py NAME` writes its port to NAME.port, reads NAME.secret, appends to NAME.told."""

import http.server
import json
import pathlib
import sys

from standardwebhooks.webhooks import Webhook

NAME = sys.argv[1]


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        secret = pathlib.Path(f"{NAME}.secret").read_text().strip()
        Webhook(secret).verify(body, dict(self.headers))  # raises for whoever does not know the secret
        said = json.loads(body)
        self.send_response(204)
        self.end_headers()
        with pathlib.Path(f"{NAME}.told").open("a") as told:
            print(said["type"], said["data"].get("org"), said["data"].get("feature", ""), file=told)

    def log_message(self, *_):
        """Nothing."""


with http.server.HTTPServer(("127.0.0.1", 0), Receiver) as server:
    pathlib.Path(f"{NAME}.told").touch()
    pathlib.Path(f"{NAME}.port").write_text(str(server.server_port))
    server.serve_forever()
