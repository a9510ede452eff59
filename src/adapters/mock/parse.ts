import type { Script } from "./script.ts";
import { stepShape } from "./script.ts";
import { checkRules } from "./script-rules.ts";
import { list, object, type ShapeProblem } from "./shape.ts";

const script = list(stepShape, { max: 10_000 });
const scriptOptions = object({}, { script, scripts: list(script, { min: 1, max: 100 }) });

/** Scripts by attempt number, the last one for all further attempts; none: the default answer. Or what is wrong. */
export type ParsedScripts = { readonly scripts: readonly Script[] } | { readonly problems: readonly ShapeProblem[] };

/** Parses `{"script": [...]}` or `{"scripts": [[...], ...]}`. Unknown names are refused. Never throws. */
export function parseScripts(value: unknown): ParsedScripts {
  const problems: ShapeProblem[] = [];
  const report = (message: string, ...path: (string | number)[]): void => {
    problems.push({ path, message });
  };
  const options = scriptOptions(value, report);
  if (options === undefined || problems.length > 0) return { problems };
  if (options.script !== undefined && options.scripts !== undefined)
    report("must not be given beside script", "scripts");
  if (options.script !== undefined)
    checkRules(options.script, (message, ...path) => report(message, "script", ...path));
  options.scripts?.forEach((each, index) => {
    checkRules(each, (message, ...path) => report(message, "scripts", index, ...path));
  });
  if (problems.length > 0) return { problems };
  return { scripts: options.scripts ?? (options.script === undefined ? [] : [options.script]) };
}
