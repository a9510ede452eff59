import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { hashKey } from "../../src/server/auth.ts";
import { API_KEYS, CASES, DEADLINE_CASE, MAX_CHAT_BYTES, type WireCase } from "../e2e/cases.ts";
import { brokenInvariant, type NormalOutcome, normalise, type Outcome } from "../e2e/outcome.ts";
import { shortFormOf } from "../e2e/short-form.ts";
import { openWires } from "../e2e/wires.ts";
import { createEmulator, type Emulator } from "../emulators/emulator.ts";
import { syntheticChat } from "../emulators/synthetic-chat.ts";
import { type ServeProcess, startServe } from "../support/serve.ts";
import { ADMIN_KEY, adminProblems, adminWork } from "./admin.ts";
import { mustRun } from "./command.ts";
import { bufCurl, bufCurlByReflection, bufList, sseCurl } from "./curl.ts";
import { prepareGo } from "./go.ts";
import { callFrom, type ProgramAnswers } from "./program.ts";
import { preparePython } from "./python.ts";

// Calls a gateway in a process of its own from other languages and tools: grpcio and grpc-go with generated stubs, `buf curl` and curl. Each
// makes the calls of test/e2e/cases.ts and must be told what grpc-js is told; Python and Go are admins too: `npm run test:polyglot`. It needs Python 3 with venv, Go, and curl.
//
// Mutants seen red: no bound on a status (4 KiB); no margin before the deadline (Python, curl); no details over gRPC; a cancellation that is
// ignored; a change of a stale version that is made; a watch that begins with nothing.

const root = join(import.meta.dirname, "..", "..");
let passed = 0;
let failed = 0;

/** Counts one check. What it throws, or the text it gives, says what is wrong. */
async function check(name: string, run: () => Promise<string | undefined>): Promise<void> {
  const problem = await run().catch((thrown: unknown) => (thrown instanceof Error ? thrown.message : String(thrown)));
  if (problem === undefined) passed += 1;
  else {
    failed += 1;
    console.log(`FAILED ${name}: ${problem}`);
  }
}

/** Tries a call with a deadline again where the client's own clock was first, on a machine that stood still for as long as the margin. */
async function patiently(call: (wireCase: WireCase) => Promise<Outcome>, wireCase: WireCase): Promise<Outcome> {
  let outcome = await call(wireCase);
  for (let tries = wireCase.timeoutMs === undefined ? 5 : 1; tries < 5; tries += 1) {
    if (outcome.failure?.details.length !== 0) break;
    outcome = await call(wireCase);
  }
  return outcome;
}

/** Says how an outcome differs from the one of grpc-js; undefined if it does not. */
function difference(outcome: Outcome, reference: NormalOutcome): string | undefined {
  const got = normalise(outcome);
  const short = outcome.shortEvents !== undefined;
  const problem = short ? undefined : brokenInvariant(outcome);
  if (problem !== undefined) return `breaks an invariant: ${problem}`;
  const events = short ? shortFormOf(reference.events) : reference.events;
  if (!isDeepStrictEqual(got.events, events)) return unequal("events", got.events, events);
  if (!(short || isDeepStrictEqual(got.messages, reference.messages))) return "folds to other messages";
  return isDeepStrictEqual(got.failure, reference.failure)
    ? undefined
    : unequal("failure", got.failure, reference.failure);
}

/** A message that cannot be read is bad in each encoding's own words; code and first detail are the same. */
function looseDifference(outcome: Outcome, reference: NormalOutcome): string | undefined {
  const { failure } = normalise(outcome);
  const got = [failure?.code, failure?.details[0]];
  const wanted = [reference.failure?.code, reference.failure?.details[0]];
  return isDeepStrictEqual(got, wanted) ? undefined : unequal("failure", got, wanted);
}

function unequal(name: string, got: unknown, wanted: unknown): string {
  const [first, second] = [JSON.stringify(got) ?? "", JSON.stringify(wanted) ?? ""];
  let at = 0;
  while (at < first.length && first[at] === second[at]) at += 1;
  const from = Math.max(0, at - 60);
  return `${name} differ: got ...${first.slice(from, at + 160)}, wanted ...${second.slice(from, at + 160)}`;
}

function readTwelveTimes({ repeated }: ProgramAnswers, name: string, reference: NormalOutcome): string | undefined {
  const sizes = repeated.map(({ statusBytes }) => statusBytes);
  const read = repeated.filter(({ outcome }) => difference(outcome, reference) === undefined);
  console.log(`  ${name}: a status of ${Math.max(...sizes)} bytes read ${read.length} of ${repeated.length} times`);
  if (sizes.some((bytes) => bytes < 3900 || bytes > 4096)) return `the status has ${sizes} bytes`;
  return read.length === 12 ? undefined : `read ${read.length} times`;
}

async function startGateway(work: string, emulator: Emulator): Promise<ServeProcess> {
  const key = (name: keyof typeof API_KEYS, extra: string): string =>
    `    ${name}: { sha256: ${hashKey(API_KEYS[name])}, provider_options: true, ${extra} }`;
  const file = join(work, "polyglot.yaml");
  await writeFile(
    file,
    `providers:
  mock: { kind: mock, retries: 0, breaker: { failures: 0 } }
  near: { kind: openai, base_url: "${emulator.baseUrl}/v1", default_model: any }
personas:
  default: { candidates: [{ provider: mock }] }
  reviewer: { candidates: [{ provider: mock }] }
tenants: { python: {}, go: {} }
auth:
  keys:
${key("caller", "roles: [caller, viewer]")}
${key("viewer", "roles: [viewer]")}
${key("narrow", "roles: [caller], personas: [default]")}
    admin: { sha256: ${hashKey(ADMIN_KEY)}, roles: [platform_admin] }
limits: { max_chat_size: ${MAX_CHAT_BYTES / 1024}KiB }
`,
  );
  return startServe({ main: join(root, "dist", "main.js"), environment: { EP_CONFIG: file } });
}

/** A failing case whose status is as long as a status may be: what it tells of usage is drawn out until just before it is cut. */
async function longestFailure(call: (wireCase: WireCase) => Promise<Outcome>): Promise<WireCase> {
  const failing = (count: number): WireCase => {
    const extras = Array.from({ length: count }, (_each, index) => ({
      name: `ünit_${index}`.padEnd(40, "x"),
      quantity: 1,
    }));
    const error = { reason: "PROVIDER_OVERLOADED", message: "é".repeat(300), provider_message: "y".repeat(300) };
    const script = [{ usage: { input_total: 1, extras } }, { text: "a" }, { error }];
    const request = {
      messages: [{ role: "MESSAGE_ROLE_USER", parts: [{ text: { text: "hi" } }] }],
      providerOptionsJson: { mock: JSON.stringify({ script }) },
    };
    return { name: "a status of 4 KiB", request };
  };
  let longest = failing(0);
  let mostBytes = 0;
  for (let count = 0; count <= 40; count += 1) {
    const { failure } = await call(failing(count));
    const bytes = (failure?.details ?? []).reduce((sum, { value }) => sum + value.length, 0);
    if (bytes > mostBytes) [longest, mostBytes] = [failing(count), bytes];
  }
  return longest;
}

const work = await mkdtemp(join(tmpdir(), "ep-polyglot-"));
const emulator = await createEmulator();
const gateway = await startGateway(work, emulator);
const wires = openWires(gateway);
try {
  const [grpcJs] = wires.all;
  if (grpcJs === undefined) throw new Error("no wire");
  const references = new Map<WireCase, NormalOutcome>();
  for (const wireCase of CASES) references.set(wireCase, normalise(await grpcJs.call(wireCase)));
  const deadline = normalise(await patiently(grpcJs.call, DEADLINE_CASE));
  const longest = await longestFailure(grpcJs.call);
  const longReference = normalise(await grpcJs.call(longest));
  // An answer that goes on for ever, to be left.
  emulator.route({}, () => ({
    headers: { "content-type": "text/event-stream" },
    body: syntheticChat({ seed: 1, chunks: 8 }).body,
    delivery: { kind: "stall-after-events", events: 4 },
  }));
  const endless: WireCase = {
    name: "an answer that is left",
    request: { provider: "near", messages: [{ role: "MESSAGE_ROLE_USER", parts: [{ text: { text: "hi" } }] }] },
  };

  for (const [wireCase, { failure }] of references) {
    const reason = (failure?.details[0] as { readonly reason?: string } | undefined)?.reason;
    const told = { code: failure?.code, reason };
    const wanted = { code: wireCase.failure?.code, reason: wireCase.failure?.reason };
    await check(`grpc-js, ${wireCase.name}`, async () =>
      isDeepStrictEqual(told, wanted) ? undefined : unequal("failure", told, wanted),
    );
  }

  console.log("Python and Go: grpcio and grpc-go, with generated stubs");
  for (const [index, prepare] of [preparePython, prepareGo].entries()) {
    await check(`the program of ${prepare.name}`, async () => {
      const program = await prepare();
      const { name } = program;
      const answers = await callFrom(program, new URL(gateway.grpcUrl).host, {
        cases: [...CASES, DEADLINE_CASE],
        repeated: { wireCase: longest, times: 12 },
        cancel: endless,
        admin: adminWork(gateway.adminUrl, name),
      });
      for (const [what, problem] of adminProblems(name, answers.admin))
        await check(`${name}, ${what}`, async () => problem);
      for (const [wireCase, reference] of [...references, [DEADLINE_CASE, deadline] as const]) {
        const outcome = answers.outcomes.get(wireCase.name);
        await check(`${name}, ${wireCase.name}`, async () =>
          outcome === undefined ? "no outcome" : difference(outcome, reference),
        );
      }
      await check(`${name}, a status of 4 KiB, 12 times`, async () => readTwelveTimes(answers, name, longReference));
      await check(`${name}, a call that is cancelled`, async () => {
        await emulator.waitForIdle();
        const { how } = await emulator.waitForRequest(index);
        const told = { code: answers.cancelledCode, how };
        return isDeepStrictEqual(told, { code: "CANCELLED", how: "client-closed" }) ? undefined : JSON.stringify(told);
      });
      const { reflected } = answers;
      if (reflected === undefined) return undefined;
      const { services, input, streams } = reflected;
      const found =
        services.includes("execution.v1.ExecutionService") && input === "execution.v1.ChatRequest" && streams;
      return found ? undefined : JSON.stringify(reflected);
    });
  }

  console.log("buf curl: gRPC on the gRPC listener; gRPC-Web and Connect on the HTTP listener; reflection on both");
  const schema = join(work, "contract.binpb");
  await mustRun("buf", ["build", "-o", schema], { workingDirectory: root });
  for (const protocol of ["grpc", "grpcweb", "connect"] as const) {
    const url = protocol === "grpc" ? gateway.grpcUrl : gateway.httpUrl;
    for (const [wireCase, reference] of references) {
      // It sends what it has read as the contract's message and to methods of the contract only, and knows no deadlines.
      if (wireCase.raw !== undefined || wireCase.rpc === "Nothing") continue;
      await check(`buf curl over ${protocol}, ${wireCase.name}`, async () =>
        difference(await bufCurl(schema, protocol, url, wireCase), reference),
      );
    }
  }
  for (const [protocol, url] of [
    ["grpc", gateway.grpcUrl],
    ["grpc", gateway.httpUrl],
    ["connect", gateway.httpUrl],
  ] as const) {
    await check(`buf curl --list-methods by ${protocol} at ${url}`, async () => {
      const methods = await bufList("methods", protocol, url);
      return methods.includes("execution.v1.ExecutionService/Chat") ? undefined : methods.join(" ");
    });
  }
  await check("buf curl without a schema", async () => {
    const [[wireCase, reference] = []] = references;
    const count = wireCase && (await bufCurlByReflection(gateway.grpcUrl, wireCase));
    return count === reference?.events.length ? undefined : `${count} events`;
  });

  console.log("curl: SSE, in ProtoJSON and in the short form");
  for (const form of ["proto", "short"] as const) {
    for (const [wireCase, reference] of [...references, [DEADLINE_CASE, deadline] as const]) {
      if (wireCase.rpc !== undefined) continue;
      const compare = wireCase.raw === undefined ? difference : looseDifference;
      await check(`curl over SSE (${form}), ${wireCase.name}`, async () =>
        compare(await patiently((each) => sseCurl(gateway.httpUrl, form, each), wireCase), reference),
      );
    }
  }
} finally {
  wires.close();
  await gateway.stop();
  await emulator.close();
  await rm(work, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
