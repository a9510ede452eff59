import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { build } from "esbuild";

// Seen red with a static import of node:http2 in transport.ts.
test("a browser's bundle of the client needs nothing of Node", async () => {
  const { outputFiles } = await build({
    stdin: {
      contents: 'export * from "./src/client/index.ts";',
      resolveDir: join(import.meta.dirname, "..", ".."),
    },
    bundle: true,
    write: false,
    format: "esm",
    platform: "browser",
    treeShaking: true,
    // Loaded by the gRPC transport alone, on its first call.
    external: ["@connectrpc/connect-node"],
    logLevel: "silent",
  });
  const [bundle = { text: "" }] = outputFiles;
  expect(bundle.text.includes("createClient")).toBe(true);
  expect(bundle.text.match(/from "node:[^"]+"|require\("[^"]+"\)|\bBuffer\./)).toBeNull();
});
