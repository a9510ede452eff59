import { configJsonSchema } from "../config/json-schema.ts";
import { visible } from "../config/visible.ts";
import { type CommandContext, write } from "./context.ts";
import { loadFromDisk } from "./load.ts";

/**
 * Checks the configuration. Prints where each value that is no default comes from, without the values, which may be secret; throws a ConfigError
 * with everything that is wrong.
 */
export async function checkConfig(file: string | undefined, context: CommandContext): Promise<number> {
  const { config, notices } = await loadFromDisk(file, context);
  const lines = [...config.origins].map(([path, origin]) => `  ${path}: ${origin}`);
  await write(
    context.stdout,
    [
      `The configuration is good: ${count(config.providers, "provider instance")}, ${count(config.personas, "persona")}, ${count(config.keys, "API key")}.`,
      ...(lines.length === 0
        ? ["Every value is a default."]
        : ["Values that are not defaults:", ...lines.map(visible)]),
      ...notices.map((notice) => `Note: ${visible(notice)}`),
      "",
    ].join("\n"),
  );
  return 0;
}

/** Prints the JSON Schema of the configuration file. */
export async function printSchema({ stdout }: CommandContext): Promise<number> {
  await write(stdout, `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`);
  return 0;
}

function count(things: object, word: string): string {
  const number = Object.keys(things).length;
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}
