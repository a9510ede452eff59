import base from "./jest.config.js";

/**
 * The suites over recorded provider traffic (`npm run test:recordings`): the same environment as `npm test`, with
 * time for thousands of replayed cases in one test.
 *
 * @type {import("jest").Config}
 */
const config = {
  ...base,
  testMatch: ["<rootDir>/test/recordings/**/*.test.ts"],
  testPathIgnorePatterns: [],
  testTimeout: 600_000,
};

export default config;
