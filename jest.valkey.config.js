import base from "./jest.config.js";

/**
 * The suites that need a Valkey or Redis server installed (`npm run test:valkey`): the same environment as `npm test`,
 * each file with a server of its own on a free port.
 *
 * @type {import("jest").Config}
 */
const config = {
  ...base,
  testMatch: ["<rootDir>/test/valkey/**/*.test.ts"],
  testPathIgnorePatterns: [],
  testTimeout: 120_000,
};

export default config;
