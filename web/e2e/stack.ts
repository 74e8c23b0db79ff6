// The real product, started for a test: one process, its private PostgreSQL, free ports.

import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve as absolute } from "node:path";

const BINARY = absolute(process.env["MC_BINARY"] ?? "../target/debug/mission-control");
const TOKEN = "end-to-end-token-".repeat(4);
const START_LIMIT_MS = 90_000;

export class Stack {
  private constructor(
    private readonly process: ChildProcess,
    private readonly dataDir: string,
    readonly url: string,
  ) {}

  get signInLink(): string {
    return `${this.url}/sign-in#token=${TOKEN}`;
  }

  static async start(): Promise<Stack> {
    const dataDir = await mkdtemp(join(tmpdir(), "mission-control-e2e-"));
    const http = await freePort();
    const admin = await freePort(http);
    const url = `http://127.0.0.1:${http}`;
    const child = spawn(BINARY, ["serve"], {
      stdio: ["ignore", "inherit", "inherit"],
      env: {
        ...process.env,
        MC_DATA_DIR: dataDir,
        MC_HTTP_ADDR: `127.0.0.1:${http}`,
        MC_ADMIN_ADDR: `127.0.0.1:${admin}`,
        MC_DATABASE_URL: undefined,
        MC_AMQP_URL: undefined,
        BASE_URL: url,
        LOCAL_AUTH_TOKEN: TOKEN,
        LOG_LEVEL: "warn",
      },
    });
    const stack = new Stack(child, dataDir, url);
    await stack.untilReady();
    return stack;
  }

  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.process.once("exit", resolve));
    if (this.process.exitCode === null) {
      this.process.kill("SIGTERM");
      await gone;
    }
    await rm(this.dataDir, { recursive: true, force: true });
  }

  /** Calls the REST API as the local user. */
  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(this.url + path, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text) as T;
  }

  private async untilReady(): Promise<void> {
    const deadline = Date.now() + START_LIMIT_MS;
    while (Date.now() < deadline) {
      if (this.process.exitCode !== null) throw new Error(`serve ended with ${this.process.exitCode}`);
      // Asking again and again is the point.
      // oxlint-disable no-await-in-loop
      const ready = await fetch(`${this.url}/readyz`).then(
        (answer) => answer.ok,
        () => false,
      );
      if (ready) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
      // oxlint-enable no-await-in-loop
    }
    throw new Error("the stack did not become ready");
  }
}

/** A port below those that the kernel gives to outgoing connections: one of these could take it before the process. */
async function freePort(otherThan?: number): Promise<number> {
  const first = Math.floor(Math.random() * 20_000);
  for (let step = 0; step < 20_000; step++) {
    const port = 10_000 + ((first + step) % 20_000);
    // One after the other, until one is free.
    // oxlint-disable-next-line no-await-in-loop
    if (port !== otherThan && (await isFree(port))) return port;
  }
  throw new Error("no port is free");
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}
