import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { create } from "@bufbuild/protobuf";
import { ChannelCredentials, type Client, status } from "@grpc/grpc-js";
import { describe, expect, test } from "@jest/globals";
import {
  HealthListRequestSchema,
  Health as HealthService,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../../../src/gen/grpc/health/v1/health_pb.js";
import {
  ServerReflection,
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
} from "../../../src/gen/grpc/reflection/v1/reflection_pb.js";
import { Secret } from "../../../src/secret.ts";
import { messageService } from "../../../src/server/grpc/services.ts";
import { createCertificate } from "../../support/certificate.ts";
import { chat, checkHealth, unary, withClient } from "./client.ts";
import { frame, rawCall, withSession } from "./raw.ts";
import { withListener } from "./setup.ts";

const services = [
  "execution.v1.ExecutionService",
  "grpc.health.v1.Health",
  "grpc.reflection.v1.ServerReflection",
  "grpc.reflection.v1alpha.ServerReflection",
];

const run = promisify(execFile);
const buf = join(import.meta.dirname, "../../../node_modules/.bin/buf");

/** Runs `buf curl`; rejects unless it succeeds. */
async function bufCurl(...args: readonly string[]): Promise<string> {
  const { stdout } = await run(buf, ["curl", "--protocol", "grpc", ...args]);
  return stdout;
}

describe("health over gRPC", () => {
  test("is SERVING for the server and each of its services", async () => {
    await withListener({}, async ({ port }) => {
      await withClient(port, async (client) => {
        for (const service of ["", ...services]) {
          expect(await checkHealth(client, service)).toMatchObject({ response: { status: ServingStatus.SERVING } });
        }
        const { response } = await unary(client, "list", create(HealthListRequestSchema), undefined, HealthService);
        expect(Object.keys((response as { statuses: object }).statuses)).toEqual(["", ...services]);
      });
    });
  });

  test("of an unknown service is NOT_FOUND", async () => {
    await withListener({}, async ({ port }) => {
      await withClient(port, async (client) => {
        const { failure } = await checkHealth(client, "no.Service");
        expect(failure).toMatchObject({ code: status.NOT_FOUND, info: { reason: "ROUTE_NOT_FOUND" } });
      });
    });
  });

  test("needs no key and survives what cannot be decoded", async () => {
    const keys = [{ name: "k", sha256: "0", tenant: "t", roles: [], providerOptions: false }];
    await withListener({ config: { keys } }, async ({ port }) => {
      await withSession(port, async (session) => {
        const path = { ":path": "/grpc.health.v1.Health/Check" };
        expect((await rawCall(session, [frame(new Uint8Array())], path)).failure.code).toBe(status.OK);
        expect((await rawCall(session, [frame(new Uint8Array([0xff]))], path)).failure.code).toBe(status.INTERNAL);
      });
    });
  });
});

describe("a standard service, which needs no key,", () => {
  const path = { ":path": "/grpc.health.v1.Health/Check" };

  // Mutant seen red: messages of any size taken.
  test("takes small messages only", async () => {
    await withListener({}, async ({ port }) => {
      await withSession(port, async (session) => {
        const { failure } = await rawCall(session, [frame(new Uint8Array(100_000))], path, true);
        expect(failure).toMatchObject({ code: status.RESOURCE_EXHAUSTED, info: { reason: "MESSAGE_TOO_LARGE" } });
      });
    });
  });

  // Mutant seen red: compression left to grpc-js.
  test("takes no compressed ones, which could become large ones", async () => {
    await withListener({}, async ({ port }) => {
      await withSession(port, async (session) => {
        const sent = [frame(new Uint8Array(10), 1)];
        const { failure } = await rawCall(session, sent, { ...path, "grpc-encoding": "gzip" });
        expect(failure).toMatchObject({ code: status.UNIMPLEMENTED, info: { reason: "UNIMPLEMENTED" } });
      });
    });
  });

  // Mutant seen red: no clock.
  test.each([path, { ":path": "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo" }])(
    "does not wait for ever for a request's end: %j",
    async (headers) => {
      await withListener({ transport: { requestMs: 50, idleMs: 50 } }, async ({ port }) => {
        await withSession(port, async (session) => {
          const { failure } = await rawCall(session, [], headers, true);
          expect(failure).toMatchObject({ code: status.DEADLINE_EXCEEDED, info: { reason: "DEADLINE" } });
        });
      });
    },
  );
});

/** Asks everything on one reflection stream. */
async function reflect(client: Client, path: string, requests: readonly ServerReflectionRequest["messageRequest"][]) {
  const method = messageService(ServerReflection).serverReflectionInfo;
  if (method === undefined) throw new Error("no reflection");
  const stream = client.makeBidiStreamRequest<ServerReflectionRequest, ServerReflectionResponse>(
    path,
    method.requestSerialize,
    method.responseDeserialize,
  );
  for (const messageRequest of requests) stream.write(create(ServerReflectionRequestSchema, { messageRequest }));
  stream.end();
  const answers: ServerReflectionResponse["messageResponse"][] = [];
  for await (const { messageResponse } of stream) answers.push(messageResponse);
  return answers;
}

describe("reflection over gRPC", () => {
  test.each(["grpc.reflection.v1", "grpc.reflection.v1alpha"])("%s answers request after request", async (version) => {
    await withListener({}, async ({ port }) => {
      await withClient(port, async (client) => {
        const asked = { case: "fileContainingSymbol", value: "execution.v1.ExecutionService" } as const;
        const answers = await reflect(client, `/${version}.ServerReflection/ServerReflectionInfo`, [
          { case: "listServices", value: "" },
          ...Array.from({ length: 100 }, () => asked),
          { case: "fileContainingSymbol", value: "no.Symbol" },
        ]);
        expect(answers).toHaveLength(102);
        expect(answers[0]?.value).toMatchObject({ service: services.map((name) => ({ name })) });
        expect(answers.slice(1, -1).every(({ case: kind }) => kind === "fileDescriptorResponse")).toBe(true);
        expect(answers.at(-1)).toMatchObject({ case: "errorResponse", value: { errorCode: status.NOT_FOUND } });
      });
    });
  });

  test.each(["grpc-v1", "grpc-v1alpha"])("%s is enough for buf curl", async (version) => {
    await withListener({}, async ({ port }) => {
      const url = `http://127.0.0.1:${port}`;
      const common = ["--http2-prior-knowledge", "--reflect", "--reflect-protocol", version];
      expect((await bufCurl(...common, "--list-methods", url)).split("\n")).toContain(
        "execution.v1.ExecutionService/Chat",
      );
      const capabilities = await bufCurl(...common, "-d", "{}", `${url}/execution.v1.ExecutionService/Capabilities`);
      expect(JSON.parse(capabilities)).toMatchObject({ providers: [{ provider: "mock" }] });
      const request = '{"messages":[{"role":"MESSAGE_ROLE_USER","parts":[{"text":{"text":"hi"}}]}]}';
      expect(await bufCurl(...common, "-d", request, `${url}/execution.v1.ExecutionService/Chat`)).toContain(
        '"finished"',
      );
    });
  });
});

describe("with a certificate", () => {
  const { certificate, key } = createCertificate();
  const grpc = { host: "127.0.0.1", port: 0, tls: { certificate, key: new Secret(key) } };

  test("the listener speaks TLS, with HTTP/2 by ALPN", async () => {
    await withListener({ config: { grpc } }, async ({ port }) => {
      const credentials = ChannelCredentials.createSsl(Buffer.from(certificate));
      await withClient(
        port,
        async (client) => {
          expect((await chat(client)).failure).toBeUndefined();
          expect((await checkHealth(client)).failure).toBeUndefined();
        },
        { "grpc.ssl_target_name_override": "localhost" },
        credentials,
      );
      const session = connect(`https://127.0.0.1:${port}`, { ca: certificate });
      await once(session, "connect");
      expect(session.alpnProtocol).toBe("h2");
      session.destroy();
    });
  });

  test("buf curl reaches it", async () => {
    const directory = await mkdtemp(join(tmpdir(), "grpc-tls-"));
    try {
      await writeFile(join(directory, "ca.pem"), certificate);
      await withListener({ config: { grpc } }, async ({ port }) => {
        const url = `https://127.0.0.1:${port}`;
        const methods = await bufCurl("--cacert", join(directory, "ca.pem"), "--list-methods", url);
        expect(methods).toContain("execution.v1.ExecutionService/Chat");
      });
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  test("what does not speak TLS is dropped", async () => {
    await withListener({ config: { grpc } }, async ({ port }) => {
      await withClient(port, async (client) => {
        expect((await chat(client)).failure?.code).toBe(status.UNAVAILABLE);
      });
    });
  });
});
