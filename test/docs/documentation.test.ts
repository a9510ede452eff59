import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { text as textOf } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { ChatError, createClient } from "../../src/client/index.ts";
import { ERROR_TABLE } from "../../src/errors.ts";
import type { RunningGateway } from "../../src/gateway.ts";
import { ChatResponseSchema } from "../../src/gen/execution/v1/chat_pb.js";
import { ExecutionService } from "../../src/gen/execution/v1/execution_pb.js";
import { Code } from "../../src/gen/google/rpc/code_pb.js";
import { runCommand } from "../cli/run-command.ts";
import { startTestGateway } from "../support/gateway.ts";
import { rowsOfText } from "./tables.ts";

const root = join(import.meta.dirname, "..", "..");
const pages = [
  "README.md",
  ...readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];
const examples = readdirSync(join(root, "examples/typescript")).map((name) => `examples/typescript/${name}`);

const read = (path: string): string => readFileSync(join(root, path), "utf8");

const rows = (path: string, first: RegExp) => rowsOfText(read(path), first);

/** The fenced blocks of a page in one language. */
function blocks(path: string, language: string): readonly string[] {
  return [...read(path).matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms"))].map(
    ([, block = ""]) => block,
  );
}

describe("what the documentation shows runs", () => {
  let gateway: RunningGateway;
  let directory: string;

  beforeAll(async () => {
    gateway = await startTestGateway({ config: { admin: { host: "127.0.0.1", port: 0 } } });
    directory = mkdtempSync(join(tmpdir(), "ep-docs-"));
  });

  afterAll(async () => {
    await gateway.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const here = (code: string): string =>
    code
      .replaceAll("http://127.0.0.1:50051", gateway.grpcUrl)
      .replaceAll("http://127.0.0.1:8000", gateway.httpUrl)
      .replaceAll("http://127.0.0.1:8001", gateway.adminUrl ?? "")
      .replaceAll('"execution-platform/client"', JSON.stringify(pathToFileURL(join(root, "src/client/index.ts")).href));

  const run = async (command: string, args: readonly string[]) => {
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    const [stdout, stderr, [status]] = await Promise.all([
      textOf(child.stdout),
      textOf(child.stderr),
      once(child, "close"),
    ]);
    return { status, stdout, stderr };
  };

  const runTypeScript = (code: string, name: string) => {
    // In the project, where packages are found.
    const file = join(directory, `${name.replaceAll(/\W/g, "-")}.ts`);
    writeFileSync(file, here(code));
    return run(process.execPath, [file]);
  };

  const programs = [
    ...pages.flatMap((page) => blocks(page, "ts").map((code, index) => ({ name: `${page} ${index + 1}`, code }))),
    ...examples.map((path) => ({ name: path, code: read(path) })),
  ];

  test("there is TypeScript in README, the guides and the examples", () => {
    expect(new Set(programs.map(({ name }) => name.split(" ")[0]))).toEqual(
      new Set(["README.md", "docs/administration.md", "docs/client.md", "docs/contract.md", ...examples]),
    );
  });

  test.each(programs)("$name", async ({ name, code }) => {
    const { status, stdout, stderr } = await runTypeScript(code, name);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout.trim()).not.toBe("");
  });

  const calls = blocks("README.md", "sh")
    .filter((code) => /^(curl|npx buf) /.test(code))
    .map((code) => ({ code, name: code.split(" -")[0] ?? code }));

  test("README has a curl call and a buf curl call", () => expect(calls).toHaveLength(2));

  test.each(calls)("$name of README answers", async ({ code }) => {
    const { status, stdout } = await run("sh", [
      "-c",
      here(code).replace("npx buf", join(root, "node_modules/.bin/buf")),
    ]);
    expect(status).toBe(0);
    expect(stdout).toContain('" blue?"');
    expect(stdout).toMatch(/event: done\n|"finished": \{/);
  });

  test("the configuration in README is good", async () => {
    const [yaml = ""] = blocks("README.md", "yaml");
    writeFileSync(join(directory, "execution-platform.yaml"), yaml);
    const environment = { EP_OPENAI_API_KEY: "sk-test" };
    const { status, stdout, stderr } = await runCommand(["config", "check"], {
      environment,
      workingDirectory: directory,
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain("2 provider instances, 2 personas");
  });

  test("README names exactly the RPCs that answer UNIMPLEMENTED", async () => {
    const [, later = ""] = rows("README.md", /^`Chat`/)[0] ?? [];
    const named = [...later.matchAll(/`(\w+)`/g)].map(([, name]) => name);
    const client = createClient({ baseUrl: gateway.grpcUrl });
    const outcomes = {
      Chat: client.persona("default").chat("Hi").collect(),
      Resume: client.resume({ resumeToken: "t" }).collect(),
      Capabilities: client.capabilities(),
      Costs: client.costs(),
      Plan: client.plan({ request: { messages: [] } }),
      Cancel: client.cancel({ streamId: "s" }),
      GetStream: client.getStream({ streamId: "s" }),
      Embed: client.embed({ inputs: ["a"] }),
      CountTokens: client.countTokens({ request: { messages: [] } }),
    };
    expect(Object.keys(outcomes).sort()).toEqual(ExecutionService.methods.map(({ name }) => name).sort());
    const codes = await Promise.all(
      Object.entries(outcomes).map(async ([name, outcome]) => {
        const failure: unknown = await outcome.then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
        return [name, failure instanceof ChatError ? failure.code : failure] as const;
      }),
    );
    const unimplemented = codes.filter(([, code]) => code === "UNIMPLEMENTED").map(([name]) => name);
    client.close();
    expect(named.sort()).toEqual(unimplemented.sort());
  });
});

test("the contract guide has the error table as it is", () => {
  const documented = rows("docs/contract.md", /^[A-Z][A-Z_]+$/).map(([reason, code, origin, retry]) => [
    reason,
    code,
    origin,
    retry,
  ]);
  const actual = Object.entries(ERROR_TABLE).map(([reason, { code, origin, retryable }]) => [
    reason,
    Code[code],
    origin,
    retryable ? "yes" : "no",
  ]);
  expect(documented).toEqual(actual);
});

test("the contract guide names every event", () => {
  const named = new Set(
    rows("docs/contract.md", /^`/).flatMap(([cell = ""]) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name)),
  );
  const events = ChatResponseSchema.oneofs.flatMap(({ fields }) => fields.map(({ name }) => name));
  expect(events.filter((name) => !named.has(name))).toEqual([]);
});

test("the contract guide names the fields that only some providers have", () => {
  for (const field of ["upstream_routing", "eager_arguments", "required_capabilities"]) {
    expect(read("docs/contract.md")).toContain(`\`${field}\``);
  }
});

test("the first screen of README has the two commands and one call", () => {
  const screen = read("README.md").split(/^## /m)[0] ?? "";
  expect([...screen.matchAll(/^npm \w+/gm)].map(([command]) => command)).toEqual(["npm start", "npm test"]);
  expect([...screen.matchAll(/^curl /gm)]).toHaveLength(1);
});

test("every npm script in the documentation is there", () => {
  const { scripts } = JSON.parse(read("package.json")) as { readonly scripts: Readonly<Record<string, string>> };
  const named = [...pages, "CONTRIBUTING.md"].flatMap((page) =>
    [...read(page).matchAll(/npm run (?:-s )?([a-z:]+)/g)].map(([, name = ""]) => name),
  );
  expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
});

test.each(pages)("every link in %s leads somewhere", (page) => {
  const targets = [...read(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
  const broken = targets.filter((target) => {
    if (/^https?:/.test(target)) return false;
    const [path = "", anchor] = target.split("#");
    const file = path === "" ? page : relative(root, join(root, dirname(page), path));
    if (!existsSync(join(root, file))) return true;
    return anchor !== undefined && !headings(file).includes(anchor);
  });
  expect(broken).toEqual([]);
});

function headings(path: string): readonly string[] {
  return [...read(path).matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
}
