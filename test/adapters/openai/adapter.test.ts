import { describeAdapter } from "../shared-suite.ts";
import { createOpenaiRig } from "./rig.ts";
import { chatWire } from "./script-answer.ts";

describeAdapter("openai", { createRig: () => createOpenaiRig("native"), wire: chatWire, runs: 60 });
describeAdapter("openai through its SDK", { createRig: () => createOpenaiRig("sdk"), wire: chatWire, runs: 30 });
