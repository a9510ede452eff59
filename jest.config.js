/**
 * The suites of `npm test`: pure, in-memory and process tests that need nothing outside this repository. What takes
 * longer or needs more has a script of its own: recordings, polyglot clients, chaos, benchmarks.
 *
 * @type {import("jest").Config}
 */
const config = {
  rootDir: import.meta.dirname,
  roots: ["<rootDir>/src", "<rootDir>/test"],
  testMatch: ["<rootDir>/test/**/*.test.ts"],
  testPathIgnorePatterns: ["<rootDir>/test/(recordings|polyglot|postgres|valkey)/"],
  testEnvironment: "<rootDir>/scripts/jest/environment.mjs",
  testTimeout: 30_000,
  reporters: ["default", "<rootDir>/scripts/jest/hang-guard.mjs"],
  extensionsToTreatAsEsm: [".ts"],
  moduleFileExtensions: ["ts", "js", "mjs", "cjs", "json", "node"],
  transform: {
    "\\.ts$": [
      "@swc/jest",
      { jsc: { target: "es2024", parser: { syntax: "typescript" }, transform: { verbatimModuleSyntax: true } } },
    ],
  },
  injectGlobals: false,
  restoreMocks: true,
  errorOnDeprecated: true,
  passWithNoTests: false,
};

export default config;
