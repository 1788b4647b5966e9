"""A language model's server: what it is asked is read by OpenAI's own types, and what it answers is made of them.

It says its port, then one line of JSON for each request: the body, or what OpenAI's types have against it. The answer is
`answer` of the command line, word for word; with `--status` it is an error instead, in the form that OpenAI's API gives them.
"""

import argparse
import http.server
import json
import sys
import time

from openai.types.chat import ChatCompletion, ChatCompletionMessage
from openai.types.chat.chat_completion import Choice
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from pydantic import TypeAdapter, ValidationError

ASKED = TypeAdapter(CompletionCreateParamsNonStreaming)


def said(line):
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    sys.stdout.flush()


class Model(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, status, body):
        data = body.encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        line = {"path": self.path, "authorization": self.headers.get("authorization"), "body": body}
        try:
            ASKED.validate_python(body)
        except ValidationError as error:
            line["wrong"] = str(error)
        said(line)
        if self.server.status != 200:
            error = {"message": "The server is overloaded", "type": "server_error", "param": None, "code": None}
            return self.answer(self.server.status, json.dumps({"error": error}))
        message = ChatCompletionMessage(role="assistant", content=self.server.text)
        choice = Choice(finish_reason="stop", index=0, message=message, logprobs=None)
        completion = ChatCompletion(
            id="chatcmpl-1", choices=[choice], created=int(time.time()), model=body["model"], object="chat.completion"
        )
        self.answer(200, completion.model_dump_json())


arguments = argparse.ArgumentParser()
arguments.add_argument("answer")
arguments.add_argument("--status", type=int, default=200)
arguments = arguments.parse_args()
server = http.server.HTTPServer(("127.0.0.1", 0), Model)
server.text, server.status = arguments.answer, arguments.status
said({"port": server.server_address[1]})
server.serve_forever()
