import { create, createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  type FileDescriptorSet,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import { describe, expect, test } from "@jest/globals";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../../src/gen/grpc/health/v1/health_pb.js";
import { ServerReflection, type ServerReflectionResponse } from "../../../src/gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionAlpha } from "../../../src/gen/grpc/reflection/v1alpha/reflection_pb.js";
import { hashKey } from "../../../src/server/auth.ts";
import {
  envelope,
  expectAlive,
  post,
  type Running,
  type RunOptions,
  send2,
  withListener,
  withSession,
} from "./setup.ts";

/** Keys, which these services do not need. */
const KEYED: RunOptions = {
  config: { keys: [{ name: "k", sha256: hashKey("right"), tenant: "t", roles: [], providerOptions: false }] },
};

async function withTransports(
  options: RunOptions,
  run: (transports: readonly Transport[], running: Running) => Promise<void>,
): Promise<void> {
  await withListener(options, async (running) => {
    const baseUrl = running.url;
    const sessionManager = new Http2SessionManager(baseUrl);
    try {
      await run(
        [
          createGrpcTransport({ baseUrl, sessionManager }),
          createConnectTransport({ baseUrl, httpVersion: "2", sessionManager }),
          createGrpcWebTransport({ baseUrl, httpVersion: "2", sessionManager }),
        ],
        running,
      );
    } finally {
      sessionManager.abort();
    }
  });
}

describe("health", () => {
  test("is checked, listed and watched on every protocol, without a key", async () => {
    await withTransports(KEYED, async (transports, running) => {
      for (const transport of transports) {
        const client = createClient(Health, transport);
        for (const service of ["", "execution.v1.ExecutionService"]) {
          expect(await client.check({ service })).toMatchObject({ status: Status.SERVING });
        }
        const { statuses } = await client.list({});
        expect(Object.keys(statuses)).toContain("execution.v1.ExecutionService");
        const unknown = await client.check({ service: "nobody" }).catch((error: unknown) => error);
        expect(ConnectError.from(unknown).code).toBe(Code.NotFound);
        const left = new AbortController();
        const watched: Status[] = [];
        try {
          for await (const { status } of client.watch({ service: "" }, { signal: left.signal })) {
            watched.push(status);
            left.abort();
          }
        } catch (thrown) {
          expect(ConnectError.from(thrown).code).toBe(Code.Canceled);
        }
        expect(watched).toEqual([Status.SERVING]);
      }
      await expectAlive(running);
    });
  });

  test("that is watched changes when the server drains, and the watch ends with it", async () => {
    await withTransports({}, async (transports, { listener }) => {
      const seen = transports.map(async (transport) => {
        const statuses: (Status | string)[] = [];
        try {
          for await (const { status } of createClient(Health, transport).watch({ service: "" })) {
            statuses.push(status);
            if (statuses.length === 1) started.shift()?.();
          }
        } catch (thrown) {
          statuses.push(Code[ConnectError.from(thrown).code] ?? "");
        }
        return statuses;
      });
      const started: (() => void)[] = [];
      await Promise.all(transports.map(() => new Promise<void>((resolve) => started.push(resolve))));
      await listener.drain();
      for (const statuses of await Promise.all(seen))
        expect(statuses).toEqual([Status.SERVING, Status.NOT_SERVING, "Unavailable"]);
    });
  });

  test("is checked with curl", async () => {
    await withListener({}, async ({ port }) => {
      const { json } = await post(port, "/grpc.health.v1.Health/Check", {});
      expect(json()).toEqual({ status: "SERVING" });
    });
  });

  test("refuses what is too large or malformed", async () => {
    await withListener({ transport: { maxServiceBytes: 1000 } }, async (running) => {
      const { port } = running;
      const large = await post(port, "/grpc.health.v1.Health/Check", { service: "x".repeat(2000) });
      expect(large.json()).toMatchObject({ code: "resource_exhausted" });
      const malformed = await post(port, "/grpc.health.v1.Health/Check", "{");
      expect(malformed.json()).toMatchObject({ code: "invalid_argument" });
      const late = await post(port, "/grpc.health.v1.Health/Check", {}, { "connect-timeout-ms": "soon" });
      expect(late.json()).toMatchObject({ code: "invalid_argument", details: [{ type: "google.rpc.ErrorInfo" }, {}] });
      await expectAlive(running);
    });
  });

  // Mutant seen red: the deadline given to Connect as it is; Node's timers overflow and fire at once.
  test("is watched under a deadline of 115 days, which is longer than a timer can be", async () => {
    await withTransports({}, async (transports, { listener }) => {
      for (const transport of transports) {
        const left = new AbortController();
        const seen: Status[] = [];
        const watched = (async () => {
          const options = {
            signal: left.signal,
            headers: { "connect-timeout-ms": "9999999999", "grpc-timeout": "99999999S" },
          };
          for await (const { status } of createClient(Health, transport).watch({ service: "" }, options))
            seen.push(status);
        })().catch((thrown: unknown) => ConnectError.from(thrown).code);
        const early = await Promise.race([watched, new Promise((resolve) => setTimeout(resolve, 100, "watching"))]);
        expect({ early, seen }).toEqual({ early: "watching", seen: [Status.SERVING] });
        left.abort();
        expect(await watched).toBe(Code.Canceled);
      }
      await listener.drain();
    });
  });
});

describe("reflection", () => {
  test.each([
    ["v1", ServerReflection],
    ["v1alpha", ServerReflectionAlpha],
  ] as const)(
    "%s lists the services and gives files from which the contract can be built",
    async (_version, service) => {
      await withTransports(KEYED, async (transports) => {
        for (const transport of transports) {
          const client = createClient(service as typeof ServerReflection, transport);
          const answers: ServerReflectionResponse["messageResponse"][] = [];
          async function* asked() {
            yield { messageRequest: { case: "listServices" as const, value: "" } };
            yield { messageRequest: { case: "fileContainingSymbol" as const, value: "execution.v1.ExecutionService" } };
            yield { messageRequest: { case: "fileContainingSymbol" as const, value: "execution.v1.Nobody" } };
          }
          for await (const { messageResponse } of client.serverReflectionInfo(asked())) answers.push(messageResponse);
          const [listed, files, missing] = answers;
          if (listed?.case !== "listServicesResponse" || files?.case !== "fileDescriptorResponse")
            throw new Error("no answer");
          expect(listed.value.service.map(({ name }) => name)).toEqual([
            "execution.v1.ExecutionService",
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
          ]);
          const file = files.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
          expect(createFileRegistry(inOrder(file)).getService("execution.v1.ExecutionService")?.methods).toHaveLength(
            9,
          );
          expect(missing?.case).toBe("errorResponse");
        }
      });
    },
  );

  test("over HTTP/1.1 is refused, since it streams both ways", async () => {
    await withListener({}, async ({ port, url }) => {
      const path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
      const { status } = await post(port, path, envelope(new Uint8Array()).toString("latin1"), {
        "content-type": "application/connect+proto",
      });
      expect(status).toBe(505);
      await withSession(url, async (session) => {
        const headers = { "content-type": "application/grpc", te: "trailers", origin: "https://evil.example" };
        const { trailers } = await send2(session, path, { headers, body: envelope(new Uint8Array()) });
        expect(trailers["grpc-status"]).toBe("7");
      });
    });
  });
});

/** Files behind those they import, as a registry wants them. */
function inOrder(files: readonly FileDescriptorProto[]): FileDescriptorSet {
  const ordered = new Map<string, FileDescriptorProto>();
  const place = (file: FileDescriptorProto): void => {
    for (const name of file.dependency) {
      const imported = files.find((each) => each.name === name);
      if (imported !== undefined && !ordered.has(name)) place(imported);
    }
    ordered.set(file.name, file);
  };
  for (const file of files) if (!ordered.has(file.name)) place(file);
  return create(FileDescriptorSetSchema, { file: [...ordered.values()] });
}
