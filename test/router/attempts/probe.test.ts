import { expect, test } from "@jest/globals";
import { answer, createScriptedAdapter, inTurn, refusing, silence } from "../../support/scripted-adapter.ts";
import { waitFor } from "../../support/wait.ts";
import { readSome } from "../streams/rig.ts";
import { createRig, failure } from "./rig.ts";

// Mutant seen red: the end of a probe that finds its instance refused not told to its breaker, so that its lease keeps everybody out.
test("a probe that finds a refused key keeps nobody out for longer than the refusal says", async () => {
  const near = createScriptedAdapter({
    name: "near",
    play: inTurn(
      refusing(failure("PROVIDER_INTERNAL")),
      refusing(failure("PROVIDER_AUTH", { retryAfterMs: 2000 })),
      refusing(failure("PROVIDER_REJECTED")),
    ),
    settings: { breaker: { failures: 1, cooldownMs: 1000 } },
  });
  const { run, pass, health } = createRig([near]);
  await run();
  pass(1000);
  expect(health.stateOf("near", "model-1").state).toBe("half_open");
  expect((await run()).error?.reason).toBe("PROVIDER_AUTH");
  expect(health.stateOf("near", "model-1")).toMatchObject({ state: "open", waitMs: 2000 });
  pass(2000);
  expect((await run()).error?.reason).toBe("PROVIDER_REJECTED");
});

// Mutant seen red: the end of an attempt that says nothing of its provider not told to its breaker.
test("a probe whose caller leaves makes room for the next at once", async () => {
  const near = createScriptedAdapter({
    name: "near",
    play: inTurn(refusing(failure("PROVIDER_INTERNAL")), silence, answer("back")),
    settings: { breaker: { failures: 1, cooldownMs: 1000 } },
  });
  const { run, chat, pass, health } = createRig([near]);
  await run();
  pass(1000);
  const reading = chat()[Symbol.asyncIterator]();
  await readSome(reading, 2);
  const waiting = reading.next();
  await waitFor(() => near.inputs.length === 2, { what: "the probe" });
  expect(health.admit("near", "model-1")).toBeUndefined();
  await reading.return?.();
  expect((await waiting).done).toBe(true);
  const { error, told } = await run();
  expect(error).toBeUndefined();
  expect(told).toContain("text 0 back");
});
