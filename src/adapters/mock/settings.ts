import { ExecutionError } from "../../errors.ts";
import type { ProviderSettings, SettingsProblem } from "../adapter.ts";
import { configuredModel } from "./models.ts";
import { parseScripts } from "./parse.ts";
import type { ConfiguredScripts } from "./request.ts";
import type { Script } from "./script.ts";

/** What is wrong with an instance's settings: fields the mock has no use for, bad scripts, a script whose model could be mistaken. */
export function checkSettings(settings: ProviderSettings): readonly SettingsProblem[] {
  const problems = [
    ...unusedFields(settings),
    ...scriptProblems(settings.quirks, ["quirks"]),
    ...Object.entries(settings.models).flatMap(([alias, { quirks }]) =>
      scriptProblems(quirks, ["models", alias, "quirks"]),
    ),
  ];
  const ids = new Map<string, string>();
  for (const [alias, { id, quirks }] of Object.entries(settings.models)) {
    const other = ids.get(id);
    const scripted =
      Object.keys(quirks).length > 0 || Object.keys(settings.models[other ?? alias]?.quirks ?? {}).length > 0;
    if (other !== undefined && scripted) {
      problems.push({
        path: ["models", alias, "id"],
        message: `is also the id of ${other}; a model with a script needs an id of its own`,
      });
    }
    ids.set(id, alias);
  }
  return problems;
}

function unusedFields(settings: ProviderSettings): readonly SettingsProblem[] {
  const given: readonly (readonly [string, boolean])[] = [
    ["base_url", settings.baseUrl !== undefined],
    ["api_key", settings.apiKey !== undefined],
    ["headers", Object.keys(settings.headers).length > 0],
  ];
  return given
    .filter(([, isGiven]) => isGiven)
    .map(([field]) => ({ path: [field], message: "is not used: the mock calls nobody" }));
}

function scriptProblems(
  quirks: Readonly<Record<string, unknown>>,
  root: readonly string[],
): readonly SettingsProblem[] {
  const parsed = parseScripts(quirks);
  return "problems" in parsed
    ? parsed.problems.map(({ path, message }) => ({ path: [...root, ...path.map(String)], message }))
    : [];
}

/** Parses an instance's scripts, to be looked up by model. Throws INVALID_FIELD for settings that do not pass the check. */
export function configuredScripts(settings: ProviderSettings): ConfiguredScripts {
  const parse = (quirks: Readonly<Record<string, unknown>>): readonly Script[] => {
    const parsed = parseScripts(quirks);
    if ("scripts" in parsed) return parsed.scripts;
    throw new ExecutionError("INVALID_FIELD", `the script in the configuration of ${settings.name} is invalid`);
  };
  const ofInstance = parse(settings.quirks);
  const ofModels = new Map(Object.values(settings.models).map((entry) => [entry, parse(entry.quirks)]));
  return (model) => {
    const entry = configuredModel(settings, model);
    const own = entry === undefined ? undefined : ofModels.get(entry);
    return own !== undefined && own.length > 0 ? own : ofInstance;
  };
}
