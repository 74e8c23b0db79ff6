"""A model provider with a script in place of a model.

It speaks the streaming chat completions that gateways speak, and plays an agent that does what its files say: it finds our
own messages in the prompt, takes the shell snippets out of the manual that reached it, and has the gateway run them with its
`exec` tool. What no snippet does, no agent does here; so a prompt without our files is an agent that does nothing.
"""

import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WORKSPACE = re.compile(r"workspace-((?:gateway|lead|mc)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")
ID = r"[0-9a-f]{8}-[0-9a-f-]{27}"
# Not from anybody: the newer gateways put it after what somebody said; with these words before it when they were killed
# in the middle of a turn.
OWN_CONTEXT = ("<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>", "OpenClaw runtime context for the immediately preceding user message")


class Prompt:
    """One request of a gateway."""

    def __init__(self, body):
        self.body, self.at = body, time.monotonic()
        self.messages = body.get("messages", [])
        self.text = "\n\n".join(text_of(message) for message in self.messages)
        found = WORKSPACE.search(self.text)
        # The gateway's own agent has none.
        self.agent = found[1] if found else None
        last = max((at for at, message in enumerate(self.messages) if self.is_said(message)), default=0)
        self.said = text_of(self.messages[last]) if self.messages else ""
        self.results = [text_of(message) for message in self.messages[last:] if message.get("role") == "tool"]

    @staticmethod
    def is_said(message):
        return message.get("role") == "user" and not text_of(message).startswith(OWN_CONTEXT)

    def snippet(self, pattern):
        """A command of the manual."""
        found = re.search(pattern, self.text, re.DOTALL | re.MULTILINE)
        return found[0].replace("\\n", "\n") if found else None


def text_of(message):
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text") or "" for part in content if isinstance(part, dict))


# What the manual has for each thing to do.
SETTINGS = r"^SETTINGS=\$\(.*?(?=^```)"
CHECK_IN = r"^mc POST /api/v1/agent/heartbeat$"
WHO_AM_I = r"^mc GET /api/v1/agent/healthz$"
INBOX = r"^mc GET [^\n]*/tasks\?status=inbox[^\n]*$"
CLAIM = r"^mc PATCH [^\n]*'\{\"status\": \"in_progress\"\}'$"
COMMENT = r"^mc POST [^\n]*/comments\" [^\n]*$"
REVIEW = r"^mc PATCH [^\n]*\"status\": \"review\"[^\n]*$"
CATALOGUE = r"^mkdir -p api$.*?(?=^```)"


def script(prompt):
    """The commands of a turn, one per call of the tool, and the last words."""
    said = prompt.said
    task = re.search(rf"TASK ASSIGNED.*?Task ID: ({ID})", said, re.DOTALL)
    steps = []
    if re.search(r"Mission Control has (provisioned|updated) your workspace", said):
        steps += [[WHO_AM_I, CHECK_IN]]
        if "## As a worker" in prompt.text or "## As the lead" in prompt.text:
            steps += [[CATALOGUE], [INBOX]]
    if task:
        prefix = f"TASK_ID={task[1]}"
        steps += [[prefix, CLAIM], [prefix, COMMENT], [prefix, REVIEW]]
    elif "TASK COMMENT" in said and "You were mentioned: yes" in said:
        found = re.search(rf"Task ID: ({ID})", said)
        steps += [[f"TASK_ID={found[1]}", COMMENT]]
    elif "BOARD CHAT" in said or re.search(r"^NUDGE", said, re.MULTILINE):
        steps += [[CHECK_IN]]
    elif not steps and re.search("Do this on every beat|heartbeat", said, re.IGNORECASE):
        return [[CHECK_IN]], "HEARTBEAT_OK"
    return steps, "All of it is done, as my files say."


def command(prompt, lines):
    """A shell that knows the settings; a snippet that is not in the prompt is named instead of run."""
    parts = [SETTINGS, *lines]
    shell = ["set -e"]
    for part in parts:
        found = prompt.snippet(part) if part.startswith("^") else part
        shell.append(found or f"echo 'the prompt has no {part.translate(str.maketrans('', '', chr(39)))}'; exit 3")
    return "\n".join(shell)


class Model:
    """The provider, at `url`. `prompts` has every request, `calls` every command with what became of it."""

    def __init__(self):
        self.prompts, self.strange = [], []
        model = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
                if self.path.endswith("/chat/completions"):
                    model.answer(self, body)
                else:
                    model.strange.append(self.path)
                    self.send_error(404)

            def do_GET(self):
                model.strange.append(self.path)
                self.send_error(404)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def of(self, agent, said=""):
        """Requests of an agent (the end of its workspace's name) whose last message has these words."""
        return [prompt for prompt in list(self.prompts) if prompt.agent == agent and said in prompt.said]

    def answer(self, handler, body):
        prompt = Prompt(body)
        self.prompts.append(prompt)
        steps, words = script(prompt) if prompt.agent else ([], "Understood.")
        done = len(prompt.results)
        has_exec = any(tool.get("function", {}).get("name") == "exec" for tool in body.get("tools", []))
        if done < len(steps) and has_exec:
            arguments = json.dumps({"command": command(prompt, steps[done])})
            call = {"index": 0, "id": f"call_{len(self.prompts)}", "type": "function"}
            call["function"] = {"name": "exec", "arguments": arguments}
            self.stream(handler, body, {"role": "assistant", "tool_calls": [call]}, "tool_calls")
        else:
            self.stream(handler, body, {"role": "assistant", "content": words}, "stop")

    @staticmethod
    def stream(handler, body, delta, reason):
        def chunk(choices, **more):
            head = {"id": "scripted", "object": "chat.completion.chunk", "created": int(time.time()), "model": "scripted"}
            return f"data: {json.dumps({**head, 'choices': choices, **more})}\n\n"
        usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
        text = chunk([{"index": 0, "delta": delta, "finish_reason": None}])
        text += chunk([{"index": 0, "delta": {}, "finish_reason": reason}])
        text += chunk([], usage=usage) + "data: [DONE]\n\n"
        data = text.encode()
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.send_header("content-length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def close(self):
        self.server.shutdown()
