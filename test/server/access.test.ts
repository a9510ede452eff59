import { readdirSync } from "node:fs";
import { join } from "node:path";
import { create, type DescFile, type DescMethod, type MessageInitShape, setExtension } from "@bufbuild/protobuf";
import { MethodOptionsSchema } from "@bufbuild/protobuf/wkt";
import { expect, test } from "@jest/globals";
import { ExecutionService } from "../../src/gen/execution/v1/execution_pb.js";
import { type AccessSchema, access, Role } from "../../src/gen/execution/v1/options_pb.js";
import { accessOf } from "../../src/server/access.ts";

const generated = join(import.meta.dirname, "../../src/gen/execution/v1");

/** Every method of the contract, whether or not a listener has its service. */
async function methodsOfContract(): Promise<readonly DescMethod[]> {
  const names = readdirSync(generated).filter((name) => name.endsWith("_pb.js"));
  const modules = await Promise.all(names.map((name) => import(join(generated, name))));
  const files = modules.flatMap((module): DescFile[] =>
    Object.values(module).filter((each): each is DescFile => (each as Partial<DescFile>).kind === "file"),
  );
  return files.flatMap(({ services }) => services).flatMap(({ methods }) => methods);
}

/** Chat with another label, or none. */
function labelled(label?: MessageInitShape<typeof AccessSchema>): DescMethod {
  const { chat } = ExecutionService.method;
  const options = create(MethodOptionsSchema);
  if (label !== undefined) setExtension(options, access, { $typeName: "execution.v1.Access", ...none, ...label });
  return { ...chat, proto: { ...chat.proto, options } };
}

const none = { roles: [], spends: false, free: false };
const roles = [Role.CALLER];

// Mutants seen red: in the contract, Costs without `free`, WatchCosts with `spends` too; a service in a file of its own without any label.
test("every RPC of the contract says who may call it, and whether it spends or is free", async () => {
  const methods = await methodsOfContract();
  expect(methods.map(({ name }) => name)).toEqual(expect.arrayContaining(["Chat", "CreateBudget"]));
  for (const method of methods) accessOf(method);
});

// Mutants seen red: accessOf without each of its checks.
test("a label that leaves something open, or contradicts itself, is refused", () => {
  expect(accessOf(labelled({ roles, spends: true }))).toEqual({ roles, spends: true });
  expect(accessOf(labelled({ roles, free: true }))).toEqual({ roles, spends: false });
  expect(() => accessOf(labelled())).toThrow("Chat has no access label");
  expect(() => accessOf(labelled({ free: true }))).toThrow("no access label");
  expect(() => accessOf(labelled({ roles: [Role.UNSPECIFIED], free: true }))).toThrow("no access label");
  for (const label of [{ roles }, { roles, spends: true, free: true }])
    expect(() => accessOf(labelled(label))).toThrow("Chat does not say whether it spends or is free");
});
