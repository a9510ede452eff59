import { expect, test } from "@jest/globals";
import { estimateMedian, quantileOf } from "../../bench/lib/statistics.ts";

test.each([
  // Order statistics of the median: the widest pair of ranks that still covers 95 % (binomial, p = 1/2).
  [6, 1, 6],
  [7, 1, 7],
  [9, 2, 8],
  [17, 5, 13],
])("of %i numbers the 95 %% interval of the median runs from rank %i to rank %i", (count, low, high) => {
  const values = Array.from({ length: count }, (_, index) => index + 1).reverse();
  expect(estimateMedian(values)).toEqual({ median: (count + 1) / 2, low, high, count });
});

test.each([
  // Nearest rank: the value at ceil(part * count).
  [100, 0.99, 99],
  [101, 0.99, 100],
  [10, 0.99, 10],
  [1, 0.5, 1],
])("of 1 to %i the quantile %d is %i", (count, part, expected) => {
  const values = Array.from({ length: count }, (_, index) => index + 1).reverse();
  expect(quantileOf(values, part)).toBe(expected);
});
