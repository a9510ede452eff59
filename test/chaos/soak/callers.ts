import { request as httpRequest } from "node:http";
import { ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { OnDisconnect } from "../../../src/gen/execution/v1/chat_pb.js";
import { MessageRole } from "../../../src/gen/execution/v1/content_pb.js";
import { ExecutionService } from "../../../src/gen/execution/v1/execution_pb.js";
import { ErrorInfoSchema } from "../../../src/gen/google/rpc/error_details_pb.js";
import { integerBetween, type Random, randomToken } from "../../emulators/random.ts";

/** What a call did. */
interface Call {
  readonly model: string;
  readonly continues: boolean;
  readonly idempotencyKey: string;
  /** Leaves once so many events have come. */
  readonly leaveAfter: number;
}

/** A way to call Chat. Gives the resume token and how many events came. Rejects with what ended the call. */
type Wire = (call: Call) => Promise<Seen>;

interface Seen {
  readonly resumeToken: string;
  readonly events: number;
  readonly finished: boolean;
}

/** Callers of all kinds, and what became of their calls. */
export interface Callers {
  /** Makes one call. Never rejects. */
  call(): Promise<void>;
  /** Makes one over gRPC that nothing happens to. */
  quick(): Promise<void>;
  /** Calls by how they ended: `finished`, `left`, `resumed`, or the reason of an error. */
  readonly outcomes: ReadonlyMap<string, number>;
}

const ALL = Number.POSITIVE_INFINITY;
const MODELS = ["one", "two", "three"] as const;

/** Opens callers on both ports of a gateway: gRPC, Connect, gRPC-Web and SSE in turn. */
export function openCallers(ports: { readonly grpcPort: number; readonly httpPort: number }, random: Random): Callers {
  const grpcUrl = `http://127.0.0.1:${ports.grpcPort}`;
  const httpUrl = `http://127.0.0.1:${ports.httpPort}`;
  const grpc = createGrpcTransport({ baseUrl: grpcUrl });
  const wires: readonly Wire[] = [
    rpcWire(grpc),
    rpcWire(createConnectTransport({ baseUrl: httpUrl, httpVersion: "2" })),
    rpcWire(createConnectTransport({ baseUrl: httpUrl, httpVersion: "1.1", useBinaryFormat: false })),
    rpcWire(createGrpcWebTransport({ baseUrl: httpUrl, httpVersion: "1.1" })),
    (call) => callSse(ports.httpPort, call),
  ];
  const client = createClient(ExecutionService, grpc);
  const outcomes = new Map<string, number>();
  let turn = 0;
  const count = (outcome: string): void => {
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  };
  const attempt = async (run: () => Promise<string>): Promise<void> => {
    try {
      count(await run());
    } catch (thrown) {
      count(reasonOf(thrown));
    }
  };
  const resume = async ({ resumeToken, events }: Seen): Promise<string> => {
    for await (const { event } of client.resume({ resumeToken, afterSequence: events })) {
      if (event.case === "finished") return "resumed";
    }
    return "a resumed stream without an end";
  };
  const callOnce = async (wire: Wire, kind: number): Promise<string> => {
    const model = MODELS[integerBetween(random, 0, MODELS.length - 1)] ?? "one";
    const call: Call = { model, continues: false, idempotencyKey: "", leaveAfter: ALL };
    const early = integerBetween(random, 1, 6);
    // 1 % leave, 4 % come back, 1 % ask for the same twice.
    if (kind < 0.01) return (await wire({ ...call, leaveAfter: early })).finished ? "finished" : "left";
    if (kind < 0.05) {
      const seen = await wire({ ...call, continues: true, leaveAfter: early });
      return seen.finished ? "finished" : resume(seen);
    }
    if (kind < 0.06) {
      const repeated = { ...call, idempotencyKey: randomToken(random, 24) };
      const [first] = await Promise.all([wire(repeated), wire(repeated)]);
      const replayed = await wire(repeated);
      return replayed.finished && first.events === replayed.events ? "repeated" : "a repeated call that differs";
    }
    return (await wire(call)).finished ? "finished" : "a stream without an end";
  };
  return {
    outcomes,
    call: () =>
      attempt(() => {
        const wire = wires[turn % wires.length] ?? rpcWire(grpc);
        turn += 1;
        return callOnce(wire, random());
      }),
    quick: () =>
      attempt(async () => {
        await rpcWire(grpc)({ model: "quick", continues: false, idempotencyKey: "", leaveAfter: ALL });
        return "quick";
      }),
  };
}

function rpcWire(transport: Transport): Wire {
  const client = createClient(ExecutionService, transport);
  return async ({ model, continues, idempotencyKey, leaveAfter }) => {
    const leave = new AbortController();
    const parts = [{ kind: { case: "text" as const, value: { text: "hi" } } }];
    const onDisconnect = continues ? OnDisconnect.CONTINUE : OnDisconnect.CANCEL;
    const messages = [{ role: MessageRole.USER, parts }];
    let seen: Seen = { resumeToken: "", events: 0, finished: false };
    const request = { provider: "soak", model, onDisconnect, idempotencyKey, messages };
    for await (const { event } of client.chat(request, { signal: leave.signal })) {
      const resumeToken = event.case === "started" ? event.value.resumeToken : seen.resumeToken;
      seen = { resumeToken, events: seen.events + 1, finished: event.case === "finished" };
      if (seen.events >= leaveAfter) break;
    }
    leave.abort();
    return seen;
  };
}

/** Calls over SSE on a connection of its own. */
function callSse(port: number, { model, continues, idempotencyKey, leaveAfter }: Call): Promise<Seen> {
  const body = JSON.stringify({
    provider: "soak",
    model,
    idempotencyKey,
    onDisconnect: continues ? "ON_DISCONNECT_CONTINUE" : "ON_DISCONNECT_CANCEL",
    messages: [{ role: "MESSAGE_ROLE_USER", parts: [{ text: { text: "hi" } }] }],
  });
  const { promise, resolve, reject } = Promise.withResolvers<Seen>();
  const headers = { "content-type": "application/json" };
  const request = httpRequest(
    { host: "127.0.0.1", port, path: "/v1/chat?events=proto", method: "POST", agent: false, headers },
    (response) => {
      let text = "";
      let seen: Seen = { resumeToken: "", events: 0, finished: false };
      response.setEncoding("utf8").on("error", reject);
      response.on("data", (piece: string) => {
        text += piece;
        const blocks = text.split("\n\n");
        text = blocks.pop() ?? "";
        for (const block of blocks) {
          const fields = block.split("\n");
          const data = JSON.parse(fields.find((line) => line.startsWith("data: "))?.slice("data: ".length) ?? "{}");
          if (fields.includes("event: error")) return reject(new SseError(String(data.reason)));
          const resumeToken = data.started?.resumeToken ?? seen.resumeToken;
          seen = { resumeToken, events: seen.events + 1, finished: data.finished !== undefined };
          if (seen.events >= leaveAfter) {
            resolve(seen);
            request.destroy();
            return;
          }
        }
      });
      response.on("end", () =>
        response.statusCode === 200 ? resolve(seen) : reject(new SseError(String(JSON.parse(text).reason))),
      );
    },
  );
  request.on("error", reject);
  request.end(body);
  return promise;
}

/** The end of a call over SSE. */
class SseError extends Error {
  override readonly name = "SseError";
}

function reasonOf(thrown: unknown): string {
  if (thrown instanceof SseError) return thrown.message;
  const error = ConnectError.from(thrown);
  return error.findDetails(ErrorInfoSchema)[0]?.reason ?? `untyped: ${error.message}`;
}
