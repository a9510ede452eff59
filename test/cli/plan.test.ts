import { fromJsonString } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { RunningGateway } from "../../src/gateway.ts";
import { Capability } from "../../src/gen/execution/v1/capabilities_pb.js";
import { PlanResponseSchema } from "../../src/gen/execution/v1/plan_pb.js";
import { startTestGateway, testProvider } from "../support/gateway.ts";
import { runCommand } from "./run-command.ts";

describe("plan", () => {
  let gateway: RunningGateway;
  let environment: Record<string, string>;

  beforeAll(async () => {
    const candidates = [
      { provider: "mock", model: "mock-text" },
      { provider: "mock" },
      { provider: "mock", model: "other" },
    ];
    const reviewer = {
      name: "reviewer",
      system: "You review code.",
      requires: [Capability.TOOLS],
      candidates,
      maxToolTier: 3 as const,
    };
    const lost = {
      name: "lost",
      requires: [Capability.TOOLS],
      candidates: candidates.slice(0, 1),
      maxToolTier: 3 as const,
    };
    gateway = await startTestGateway({ providers: [testProvider()], config: { personas: { reviewer, lost } } });
    environment = { EXECUTION_PLATFORM_URL: gateway.grpcUrl };
  });

  afterAll(() => gateway.stop());

  test("prints who would serve a message and who not, why, at what cost, and with which values", async () => {
    const { status, stdout, stderr } = await runCommand(["plan", "--persona", "reviewer", "Look at this"], {
      environment,
    });
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout.split("\n").slice(0, 8)).toEqual([
      "Persona reviewer",
      "  1. mock/mock-text (mock): ruled out",
      "     CAPABILITY_MISSING: TOOLS is missing, needed by persona.requires",
      "  2. mock/mock (mock): would serve",
      "     about 0 USD, at most 0 USD",
      "  3. mock/other (mock): would be tried next",
      "     about 0 USD, at most 0 USD",
      "Values",
    ]);
    expect(stdout).toMatch(/^ {2}system = "\[hidden\]" \(persona.*\)$/m);
    expect(stdout).toMatch(/^Prices [0-9a-f]+$/m);
    expect(stdout).not.toContain("Look at this");
  });

  test("prints the response as ProtoJSON with --json", async () => {
    const { stdout } = await runCommand(["plan", "--persona", "reviewer", "--json", "-"], { environment, stdin: "Hi" });
    const { candidates } = fromJsonString(PlanResponseSchema, stdout);
    expect(candidates.map(({ kept }) => kept)).toEqual([false, true, true]);
  });

  test("ends with status 1 if nobody could serve it, so that a script can tell", async () => {
    const args = ["plan", "--persona", "reviewer", "--provider", "mock", "--model", "mock-text", "Hi"];
    const { status, stdout, stderr } = await runCommand(args, { environment });
    expect([status, stderr]).toEqual([1, "error: no candidate can serve this request\n"]);
    expect(stdout).toContain("CAPABILITY_MISSING");
  });

  test("says in one line what is wrong with the request itself", async () => {
    const { status, stdout, stderr } = await runCommand(["plan", "--persona", "nobody", "Hi"], { environment });
    expect(stderr).toMatch(/^error: PERSONA_NOT_FOUND: [^\n]+\n$/);
    expect([status, stdout]).toEqual([1, ""]);
  });

  test("has a sibling, capabilities, that shows a persona whom nobody can serve", async () => {
    const { stdout } = await runCommand(["capabilities", "--persona", "lost"], { environment });
    expect(stdout).toMatch(
      /^ {2}lost \(requires tools\)\n {4}mock\/mock-text, cannot serve: lacks tools\n {4}nobody can serve it$/m,
    );
    const { stdout: fine } = await runCommand(["capabilities", "--persona", "reviewer"], { environment });
    expect(fine).not.toContain("nobody");
  });
});
