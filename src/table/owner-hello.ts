/**
 * What the owner of a shard and those who ask for it say to each other over a local socket or pipe.
 *
 * The owner speaks first: one line of JSON, at most 4 KiB. Requests follow as frames: a length of 4 bytes, little-endian, then so many
 * bytes of JSON, at most 64 KiB. There is one request, `{"request":"yield"}`: the asker takes the name over. Who does not know a request
 * hangs up; `protocol` tells which there are.
 *
 * @module
 */
import { connect, createServer, type Server, type Socket } from "node:net";

/** Version of what is said here. */
const PROTOCOL = 1;
const MAX_HELLO_BYTES = 4_096;
const MAX_FRAME_BYTES = 65_536;
/** Askers at once; one more is hung up on. */
const MAX_CONNECTIONS = 64;
/** How long an asker may be idle. */
const IDLE_MS = 5_000;

/** A claimant has published its name and looks whether it is alone; an owner has found so. */
export type OwnerState = "claiming" | "owner";

/** What an owner tells of itself. */
export interface Hello {
  readonly pid: number;
  readonly state: OwnerState;
  /** When it opened the shard: ISO 8601, UTC. */
  readonly since: string;
  /** Of its claim in the shard's manifest, once it has one. */
  readonly epoch?: number;
}

/** What asking brought: nobody is there any more; somebody is and said nothing in time (why); a hello. */
export type Answer =
  | { readonly kind: "dead" }
  | { readonly kind: "silent"; readonly reason: string; readonly hungUp: boolean }
  | { readonly kind: "alive"; readonly hello: Hello };

/** A server, not listening yet, that greets with what `hello` returns at that moment. It keeps no process alive. */
export function createOwnerServer(hello: () => Hello, onYield: () => void): Server {
  const server = createServer((socket) => {
    socket.unref();
    socket.on("error", () => socket.destroy());
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    socket.write(`${JSON.stringify({ protocol: PROTOCOL, ...hello() })}\n`);
    readFrame(socket, (request) => {
      if (request === "yield") onYield();
      socket.destroy();
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.unref();
  return server;
}

/** Calls back with the request of the first frame, undefined when it is none. */
function readFrame(socket: Socket, onRequest: (request: unknown) => void): void {
  let received = Buffer.alloc(0);
  socket.on("data", (chunk) => {
    received = Buffer.concat([received, chunk]);
    const length = received.length < 4 ? 0 : received.readUInt32LE(0);
    if (length > MAX_FRAME_BYTES) onRequest(undefined);
    else if (received.length >= 4 + length && received.length >= 4) {
      const frame = parseObject(received.toString("utf8", 4, 4 + length));
      onRequest(frame?.["request"]);
    }
  });
}

/**
 * Asks who listens at `path`.
 *
 * @param options `request` is sent after the hello; then the connection's end is waited for, so that the owner has seen it
 */
export function askOwner(
  path: string,
  options: { readonly timeoutMs: number; readonly request?: "yield" },
): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = connect(path);
    let answer: Answer | undefined;
    let received = "";
    const settle = (found: Answer): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer ?? found);
    };
    const timer = setTimeout(() => settle(silent(`no answer within ${options.timeoutMs} ms`)), options.timeoutMs);
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => {
      if (answer !== undefined) return;
      received += text;
      const end = received.indexOf("\n");
      if (end < 0 && received.length <= MAX_HELLO_BYTES) return;
      answer = parseHello(received.slice(0, Math.max(end, 0)));
      if (options.request === undefined || answer.kind !== "alive") settle(answer);
      else socket.write(frameOf({ request: options.request }));
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      // Only these say that nobody is there; a full backlog or a refused permission comes from a live owner.
      const dead = error.code === "ECONNREFUSED" || error.code === "ENOENT";
      settle(dead ? { kind: "dead" } : silent(error.message, error.code === "ECONNRESET" || error.code === "EPIPE"));
    });
    socket.on("close", () => settle(silent("it hung up", true)));
  });
}

function silent(reason: string, hungUp = false): Answer {
  return { kind: "silent", reason, hungUp };
}

function frameOf(content: object): Buffer {
  const text = Buffer.from(JSON.stringify(content));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  return Buffer.concat([length, text]);
}

function parseHello(line: string): Answer {
  const { pid, state, since, epoch } = parseObject(line) ?? {};
  if (typeof pid !== "number" || (state !== "owner" && state !== "claiming") || typeof since !== "string") {
    return silent("it did not say who it is");
  }
  return { kind: "alive", hello: { pid, state, since, ...(typeof epoch === "number" ? { epoch } : {}) } };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
