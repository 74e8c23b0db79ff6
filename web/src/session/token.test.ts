import { expect, test } from "vitest";
import { tokenIn } from "./token";

test("a sign-in link carries its token behind the hash", () => {
  expect(tokenIn("#token=abc")).toBe("abc");
  expect(tokenIn("#other=1&token=%20abc%20")).toBe("abc");
});

test("a link without a token signs nobody in", () => {
  expect(tokenIn("")).toBeNull();
  expect(tokenIn("#token=")).toBeNull();
});
