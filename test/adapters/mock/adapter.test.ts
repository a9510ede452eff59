import { describeAdapter } from "../shared-suite.ts";
import { createMockRig } from "./rig.ts";
import { mockWire } from "./wire.ts";

describeAdapter("mock", { createRig: createMockRig, wire: mockWire, runs: 200 });
