import base from "./jest.config.js";

/**
 * The suites that need a PostgreSQL server installed, and one of them Valkey or Redis (`npm run test:postgres`): the same environment as `npm test`,
 * each file with a cluster of its own on a free port.
 *
 * @type {import("jest").Config}
 */
const config = {
  ...base,
  testMatch: ["<rootDir>/test/postgres/**/*.test.ts"],
  testPathIgnorePatterns: [],
  testTimeout: 120_000,
};

export default config;
