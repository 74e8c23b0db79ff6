// The tasks of a board as this window knows them, and how an event changes that. Pure.

import { TaskStatus, type Task } from "../gen/mission/board/v1/task_pb";
import type { Event } from "../gen/mission/event/v1/event_pb";

export type Tasks = ReadonlyMap<string, Task>;

export const COLUMNS = [
  { status: TaskStatus.INBOX, title: "Inbox" },
  { status: TaskStatus.IN_PROGRESS, title: "In progress" },
  { status: TaskStatus.REVIEW, title: "Review" },
  { status: TaskStatus.DONE, title: "Done" },
] as const;

export function byId(list: readonly Task[]): Tasks {
  return new Map(list.map((task) => [task.id, task]));
}

/** Takes a task unless a newer state of it is known: events and answers may arrive in any order. */
export function withTask(known: Tasks, task: Task): Tasks {
  const present = known.get(task.id);
  if (present && present.version >= task.version) return known;
  return new Map(known).set(task.id, task);
}

export function withoutTask(known: Tasks, id: string): Tasks {
  if (!known.has(id)) return known;
  const rest = new Map(known);
  rest.delete(id);
  return rest;
}

/** What is known after an event. */
export function apply(known: Tasks, event: Event): Tasks {
  const { payload } = event;
  switch (payload.case) {
    case "taskCreated":
    case "taskUpdated":
    case "taskStatusChanged":
    case "taskCommented":
      return payload.value.task ? withTask(known, payload.value.task) : known;
    case "taskDeleted":
      return payload.value.task ? withoutTask(known, payload.value.task.id) : known;
    default:
      return known;
  }
}

/** The tasks of one column, newest first. */
export function inColumn(known: Tasks, status: TaskStatus): Task[] {
  return [...known.values()].filter((task) => task.status === status).toSorted(newestFirst);
}

function newestFirst(a: Task, b: Task): number {
  const difference = moment(b) - moment(a);
  return difference !== 0 ? difference : b.id.localeCompare(a.id);
}

function moment(task: Task): number {
  const at = task.createdAt;
  return at ? Number(at.seconds) * 1000 + at.nanos / 1e6 : 0;
}
