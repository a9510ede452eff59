import { describeAdapter } from "../shared-suite.ts";
import { createGeminiRig } from "./rig.ts";
import { geminiWire as wire } from "./script-answer.ts";

describeAdapter("gemini", { createRig: () => createGeminiRig("native", "events"), wire, runs: 60 });
describeAdapter("gemini as an array", { createRig: () => createGeminiRig("native", "array"), wire, runs: 30 });
describeAdapter("gemini through its SDK", { createRig: () => createGeminiRig("sdk", "events"), wire, runs: 30 });
