import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** The project's folder. */
export const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/** As `npm start` runs it. */
const SOURCES = ["--import", "tsx", "apps/cloud/main.ts"];

/** The service in a process of its own; it can be killed and started again. */
export class Service {
  readonly port: number;
  private readonly program: readonly string[];
  private readonly args: readonly string[];
  private child: ChildProcess | null = null;

  private constructor(port: number, program: readonly string[], args: readonly string[]) {
    this.port = port;
    this.program = program;
    this.args = args;
  }

  /** @param program what Node is to run, in the project's folder; the sources, if not given */
  static async start(args: readonly string[] = [], program = SOURCES): Promise<Service> {
    const service = new Service(await freePort(), program, args);
    await service.start();
    return service;
  }

  get url(): string {
    return `http://localhost:${this.port}`;
  }

  async start(): Promise<void> {
    const options = ["--port", `${this.port}`, "--workers", "1", "--log-level", "warn", ...this.args];
    const child = spawn(process.execPath, [...this.program, ...options], {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.child = child;
    const ended = once(child, "exit").then(([code, signal]) => {
      throw new Error(`the service ended before it listened: ${code ?? signal}`);
    });
    const listens = (async () => {
      for await (const line of createInterface(child.stdout)) {
        if (line.startsWith("listening on ")) return;
      }
    })();
    await Promise.race([listens, ended]);
    ended.catch(() => {});
    child.stdout.resume();
  }

  /** Ends it at once, as a crash does. */
  async kill(): Promise<void> {
    await this.end("SIGKILL");
  }

  /** Asks it to end, without the time that it gives load balancers. */
  async stop(): Promise<void> {
    await this.end("SIGINT");
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const { child } = this;
    this.child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  }
}

/** Below the ports that the system gives to clients, so that it is free again after a restart. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const server = createServer().listen(port, "127.0.0.1");
    const listens = await Promise.race([
      once(server, "listening").then(() => true),
      once(server, "error").then(() => false),
    ]);
    server.close();
    if (listens) return port;
  }
}
