import { describeAdapter } from "../shared-suite.ts";
import { createAnthropicRig } from "./rig.ts";
import { messagesWire } from "./script-answer.ts";

describeAdapter("anthropic", { createRig: () => createAnthropicRig("native"), wire: messagesWire, runs: 60 });
describeAdapter("anthropic through its SDK", {
  createRig: () => createAnthropicRig("sdk"),
  wire: messagesWire,
  runs: 30,
});
