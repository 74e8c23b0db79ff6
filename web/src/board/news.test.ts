import { create } from "@bufbuild/protobuf";
import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { EventSchema } from "../gen/mission/event/v1/event_pb";
import { EVERYTHING, News, touched } from "./news";

const event = (type: string) => create(EventSchema, { type });

test("an event makes old what it is about, and the history", () => {
  expect(touched(event("approval.created"))).toEqual(["approvals", "activity"]);
  expect(touched(event("board.paused"))).toEqual(["board", "activity"]);
  expect(touched(event("task.created"))).toEqual(["activity"]);
});

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a burst of news is asked about once", () => {
  const queries = new QueryClient();
  const asked = vi.spyOn(queries, "invalidateQueries").mockResolvedValue();
  const news = new News(queries, "b");
  news.tell(EVERYTHING);
  news.tell(["activity"]);
  expect(asked).not.toHaveBeenCalled();
  vi.runAllTimers();
  expect(asked.mock.calls.map(([filter]) => filter?.queryKey)).toEqual(EVERYTHING.map((part) => [part, "b"]));
  news.tell(["activity"]);
  news.stop();
  vi.runAllTimers();
  expect(asked).toHaveBeenCalledTimes(EVERYTHING.length);
});
