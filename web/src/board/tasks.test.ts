import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { TaskSchema, TaskStatus, type Task } from "../gen/mission/board/v1/task_pb";
import { EventSchema } from "../gen/mission/event/v1/event_pb";
import { apply, byId, inColumn, withTask } from "./tasks";

function task(id: string, version: number, status = TaskStatus.INBOX, seconds = 0): Task {
  return create(TaskSchema, {
    id,
    version: BigInt(version),
    status,
    createdAt: { seconds: BigInt(seconds) },
  });
}

test("an older state never replaces a newer one", () => {
  const known = byId([task("a", 3, TaskStatus.REVIEW)]);
  expect(withTask(known, task("a", 2, TaskStatus.INBOX))).toBe(known);
  expect(withTask(known, task("a", 4, TaskStatus.DONE)).get("a")?.status).toBe(TaskStatus.DONE);
});

test("a move shows in the other column", () => {
  const known = byId([task("a", 1)]);
  const moved = create(EventSchema, {
    type: "task.status_changed",
    payload: { case: "taskStatusChanged", value: { task: task("a", 2, TaskStatus.REVIEW) } },
  });
  const after = apply(known, moved);
  expect(inColumn(after, TaskStatus.INBOX)).toHaveLength(0);
  expect(inColumn(after, TaskStatus.REVIEW).map((t) => t.id)).toEqual(["a"]);
});

test("a deleted task leaves the board", () => {
  const deleted = create(EventSchema, {
    type: "task.deleted",
    payload: { case: "taskDeleted", value: { task: task("a", 2) } },
  });
  expect(apply(byId([task("a", 1)]), deleted).size).toBe(0);
});

test("a column lists the newest first and breaks ties by id", () => {
  const known = byId([
    task("a", 1, TaskStatus.INBOX, 1),
    task("c", 1, TaskStatus.INBOX, 2),
    task("b", 1, TaskStatus.INBOX, 2),
  ]);
  expect(inColumn(known, TaskStatus.INBOX).map((t) => t.id)).toEqual(["c", "b", "a"]);
});
