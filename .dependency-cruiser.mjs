/**
 * Who may import whom in `src/`. The chain is server -> router -> adapters -> gen; feature folders hang off the
 * router; `main.ts` and `src/cli` wire the parts together. Each rule says why it exists, and
 * `scripts/check-dependencies.mjs` sees each one fail on a planted import before it trusts a clean run.
 */

const features = "config|ledger|tools|telemetry";

/** Where the parts are wired together: the process, the gateway as one object, the command line. */
const compositionRoot = "src/(main\\.ts$|gateway(-(state|stores))?\\.ts$|cli/)";

/** Modules directly in `src/` that every folder may use: errors, secrets. */
const shared = "src/(?!(main|gateway(-(state|stores))?)\\.ts$)[^/]+\\.ts$";

/**
 * @param {string} folder
 * @param {readonly string[]} allowed patterns of paths below the project that the folder may import beside itself
 * @param {string} comment
 * @returns {import("dependency-cruiser").IForbiddenRuleType}
 */
const layer = (folder, allowed, comment) => ({
  name: `${folder}-layer`,
  comment,
  severity: "error",
  from: { path: `^src/${folder}/` },
  to: { path: "^(src|test|bench|scripts)/", pathNot: [`^src/${folder}/`, ...allowed.map((path) => `^${path}`)] },
});

/** @satisfies {import("dependency-cruiser").IConfiguration} */
const configuration = {
  forbidden: [
    layer("gen", [], "Generated code is the bottom of the chain: it comes from the proto files alone."),
    layer(
      "contract",
      ["src/gen/"],
      "What belongs to the contract is shared by every wire and by the client, so it knows only the generated code.",
    ),
    layer(
      "adapters",
      ["src/gen/", "src/contract/", shared],
      "An adapter turns one provider's wire into contract events; policy and configuration are decided above it.",
    ),
    layer(
      "router",
      ["src/adapters/[^/]+\\.ts$", `src/(${features})/`, "src/contract/", "src/gen/", shared],
      "The router knows adapters by their interface and registry only, and nothing of the wires that call it.",
    ),
    layer(
      "server",
      ["src/router/", "src/telemetry/", "src/config/config\\.ts$", "src/contract/", "src/gen/", shared],
      "Wires hand calls to the router and write what comes back; of the configuration they know the settings alone.",
    ),
    layer(
      "client",
      ["src/gen/", "src/contract/"],
      "The client package runs in other people's programs, so nothing of the gateway may come along.",
    ),
    {
      name: "features-hang-off-the-router",
      comment:
        "A feature folder is used by the router and knows only what lies below it, the adapter interface included.",
      severity: "error",
      from: { path: `^src/(${features})/` },
      to: {
        path: "^(src|test|bench|scripts)/",
        pathNot: [
          "^src/$1/",
          `^src/(${features})/`,
          "^src/adapters/adapter\\.ts$",
          "^src/contract/",
          "^src/gen/",
          `^${shared}`,
        ],
      },
    },
    {
      name: "features-apart",
      comment: "Two features that know each other are one feature; the router or the composition root joins them.",
      severity: "error",
      from: { path: `^src/(${features})/` },
      to: { path: `^src/(${features})/`, pathNot: "^src/$1/" },
    },
    {
      name: "providers-apart",
      comment: "A provider is added or removed as one folder; what two of them share belongs beside the folders.",
      severity: "error",
      from: { path: "^src/adapters/([^/]+)/" },
      to: { path: "^src/adapters/[^/]+/", pathNot: "^src/adapters/$1/" },
    },
    {
      name: "shared-at-the-bottom",
      comment: "Modules in src/ itself are for everybody, so they may stand on the generated code and each other only.",
      severity: "error",
      from: { path: `^${shared}` },
      to: { path: "^(src|test|bench|scripts)/", pathNot: ["^src/gen/", `^${shared}`] },
    },
    {
      name: "composition-root-on-top",
      comment: "What wires everything is imported by nobody it wires, or the chain is upside down.",
      severity: "error",
      from: { path: "^src/", pathNot: `^${compositionRoot}` },
      to: { path: `^${compositionRoot}` },
    },
    {
      name: "sources-without-tests",
      comment: "What is shipped does not depend on tests, benchmarks or scripts.",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^(test|bench|scripts|examples)/" },
    },
    {
      name: "provider-sdks-in-adapters",
      comment: "Only adapters know providers; a vendor's SDK anywhere else ties the whole gateway to it.",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/adapters/[^/]+/" },
      to: { path: "node_modules/(openai|@anthropic-ai|@google|@aws-sdk|@azure)/" },
    },
    {
      name: "wires-at-the-edges",
      comment: "gRPC and Connect are wires: the server speaks them, the client package and the command line call them.",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(server|client|cli)/" },
      to: { path: "node_modules/(@grpc|@connectrpc|grpc-[^/]+)/" },
    },
    {
      name: "declared-dependencies",
      comment: "What src/ imports must be there after an installation without devDependencies.",
      severity: "error",
      from: { path: "^src/" },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"] },
    },
    {
      name: "resolvable",
      comment: "An import that resolves to nothing fails at run time.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: "no-cycles",
      comment: "Modules in a cycle can only be understood, tested and loaded together.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
  ],
  options: {
    // TypeScript 7 has no JavaScript parser; without this one no module would be seen at all.
    parser: "swc",
    // Type imports count: a layer that knows another one's types knows that layer.
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: {
      extensions: [".ts", ".js"],
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "types", "default"],
    },
  },
};

export default configuration;
