/**
 * Writes the JSON Schema of the configuration file from the schema that reads it: `node scripts/configuration-schema.ts`. A test fails when it is
 * not current.
 */
import { writeFileSync } from "node:fs";
import { configJsonSchema } from "../src/config/json-schema.ts";

writeFileSync(
  new URL("../docs/execution-platform.schema.json", import.meta.url),
  `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`,
);
