import { expect, test } from "@jest/globals";
import { CSV } from "../../../src/server/http/export-format.ts";

const cellOf = (value: string): string => CSV.line(new Map([["metadata", value]])).replace(/\r\n$/, "");

// Mutants seen red: only white space is passed over; the wide forms of the signs are letters like others.
test.each([
  "=1+1",
  "+1",
  "-1",
  "@x",
  " =1",
  "\t=1",
  "\0=1",
  "\u200b=1",
  "\ufeff=1",
  "＝1",
  "＋1",
  "－1",
  "＠x",
  " ＝1",
])("a spreadsheet does not take %j for a formula", (value) => {
  expect(cellOf(value)).toBe(`'${value}`);
});

test.each(["1-1", "a=b", "é", "…", "0.036", "２＋２"])("%j is left as it is", (value) => {
  expect(cellOf(value)).toBe(value);
});
