import { expect, test } from "@jest/globals";
import { load, problemsOf } from "./load-from.ts";

const environment = { SECRET: "sixteen-or-more-characters", SHORT: "short" };

test("alerts have thresholds by default, in order and each once", async () => {
  const { config } = await load({
    environment,
    file: `alerts:
  - { url: "https://hooks.example/a/", secret: { env: SECRET } }
  - { url: "http://10.0.0.1/x", secret: { env: SECRET }, thresholds: [90, 10, 90], scope: tenant, name: acme, allow_private: true }
`,
  });
  expect(config.alerts).toMatchObject([
    { url: "https://hooks.example/a/", thresholds: [50, 80, 100], allowPrivate: false },
    { url: "http://10.0.0.1/x", thresholds: [10, 90], scope: "tenant", name: "acme", allowPrivate: true },
  ]);
  expect(JSON.stringify(config.alerts)).not.toContain(environment.SECRET);
});

test.each([
  ['url: "ftp://x.example", secret: { env: SECRET }', "alerts[0].url: must be a whole URL"],
  ['url: "https://a:b@x.example", secret: { env: SECRET }', "alerts[0].url: has a name or password"],
  ['url: "http://x.example", secret: { env: SECRET }', "alerts[0].url: must start with https://"],
  // Mutant seen red: only looked at when it is connected to, so that nobody knows until a budget is used up.
  [
    'url: "https://169.254.169.254/x", secret: { env: SECRET }',
    "alerts[0].url: is an address of this machine or of a private network",
  ],
  ['url: "https://[::ffff:127.0.0.1]/x", secret: { env: SECRET }', "alerts[0].url: is an address of this machine"],
  ['url: "https://x.example", secret: in-the-file-itself', "alerts[0].secret: must not stand in the file"],
  ['url: "https://x.example", secret: { env: SHORT }', "alerts[0].secret: must have at least 16 characters"],
  [
    'url: "https://x.example", secret: { env: SECRET }, thresholds: [0]',
    "alerts[0].thresholds[0]: must be a whole number",
  ],
  ['url: "https://x.example", secret: { env: SECRET }, scope: planet', "alerts[0].scope: must be one of"],
])("refuses { %s }", async (entry, problem) => {
  const problems = await problemsOf({ environment, file: `alerts: [{ ${entry} }]\n` });
  expect(problems.join("\n")).toContain(problem);
});

test("refuses a receiver that is there twice", async () => {
  const entry = '{ url: "https://x.example", secret: { env: SECRET } }';
  expect(await problemsOf({ environment, file: `alerts: [${entry}, ${entry}]\n` })).toEqual([
    expect.stringContaining("alerts[1].url: is here a second time"),
  ]);
});
