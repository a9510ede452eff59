import { describe, expect, test } from "@jest/globals";
import { denied, load, problemsOf, type World } from "./load-from.ts";

const file = `
providers:
  near: { kind: openai, base_url: http://127.0.0.1:1 }
  far: { kind: openai, base_url: http://127.0.0.1:2 }
personas:
  default:
  settled: { candidates: [{ provider: near }] }
  reviewer: { system: You review code. }
`;

const world = (map: string | Error): World => ({
  file,
  environment: { EP_PERSONA_PROVIDER_MAP_PATH: "maps/personas.json" },
  files: { "maps/personas.json": map },
});

describe("the persona map", () => {
  test("says where personas are served that do not say so themselves, and makes up those that are not there", async () => {
    const map = {
      reviewer: "far/org/model",
      settled: "far",
      default: "far",
      writer: { provider: "near", model: "m" },
      poet: ["near/a", { provider: "far" }, "far"],
    };
    const { config, notices } = await load(world(JSON.stringify(map, undefined, "\t")));
    const served = Object.fromEntries(Object.values(config.personas).map(({ name, candidates }) => [name, candidates]));
    expect(served).toEqual({
      default: [{ provider: "far" }],
      settled: [{ provider: "near" }],
      reviewer: [{ provider: "far", model: "org/model" }],
      writer: [{ provider: "near", model: "m" }],
      poet: [{ provider: "near", model: "a" }, { provider: "far" }, { provider: "far" }],
    });
    expect(config.personas.reviewer?.system).toBe("You review code.");
    expect(config.origins.get("personas.reviewer.candidates")).toBe("persona-map:reviewer");
    expect(config.origins.get("personas.poet.candidates[1].provider")).toBe("persona-map:poet");
    expect(config.origins.get("personas.settled.candidates")).toBe("file:7");
    expect(notices).toEqual([]);
  });

  test("wins over EP_PROVIDER, which is for personas that nothing says anything of", async () => {
    const { environment, ...rest } = world('{"reviewer": "far"}');
    const { config } = await load({ ...rest, environment: { ...environment, EP_PROVIDER: "near" } });
    expect(config.personas.reviewer?.candidates).toEqual([{ provider: "far" }]);
    expect(config.personas.default?.candidates).toEqual([{ provider: "near" }]);
  });

  test.each([
    ['{\n  "a": "nowhere/m"\n}', '2:8: personas.a.candidates[0].provider: there is no provider instance "nowhere"'],
    ['{\n  "a": 5\n}', '2:8: personas.a: must be "provider", "provider/model",'],
    ['{ "a": ["near", null] }', '1:8: personas.a: must be "provider", "provider/model",'],
    ['{ "a": [] }', "1:8: personas.a.candidates: must have at least one item"],
    ['{ "a": "near/" }', "1:8: personas.a.candidates[0].model: must have 1 to 256 characters"],
    [
      '{ "a": { "provider": "near", "modle": "m" } }',
      '1:30: personas.a.candidates[0].modle: there is no such key. Did you mean "model"?',
    ],
    ['{ "a": { "model": "m" } }', "1:8: personas.a.candidates[0].provider: is missing"],
    ['{ "a b": "near" }', "1:10: personas.a b: must be a name"],
    ['{\n  "a": "near",\n  "a": "far"\n}', '3:3: : the key "a" is here a second time'],
    ['["near"]', "1:1: : must be an object of personas"],
    ['{\n  "a": "near"\n', "3:1: : the JSON cannot be read here"],
    ["a: near\n", "1:1: : must be JSON, and it is YAML"],
    ["", "1:1: : must be an object of personas"],
    [" \n", "1:1: : must be an object of personas"],
    ["null", "1:1: : must be an object of personas"],
    ["- near\n", "1:1: : must be an object of personas"],
  ])("that is bad is refused, with its own name and line: %j", async (map, expected) => {
    const problems = await problemsOf(world(map));
    expect(problems.map((problem) => problem.slice(0, expected.length + 19))).toEqual([
      `maps/personas.json:${expected}`,
    ]);
  });

  test("that cannot be had is refused", async () => {
    expect(await problemsOf(world(denied()))).toEqual(["maps/personas.json: : the file cannot be read (EACCES)"]);
    expect(await problemsOf({ ...world(""), files: {} })).toEqual([
      "EP_PERSONA_PROVIDER_MAP_PATH: : there is no file /srv/gateway/maps/personas.json",
    ]);
  });
});
