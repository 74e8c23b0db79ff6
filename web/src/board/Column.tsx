import { useDroppable } from "@dnd-kit/core";
import type { Task, TaskStatus } from "../gen/mission/board/v1/task_pb";
import { Card } from "./Card";

export function Column({ title, status, tasks }: { title: string; status: TaskStatus; tasks: Task[] }) {
  const { setNodeRef, isOver } = useDroppable({ id: `column-${status}`, data: { status } });
  return (
    <section
      ref={setNodeRef}
      aria-label={title}
      data-status={status}
      className={`flex min-h-64 min-w-64 flex-1 flex-col rounded-xl bg-(--raised) p-3 ${
        isOver ? "ring-2 ring-(--accent)" : ""
      }`}
    >
      <h2 className="flex items-baseline justify-between px-1 pb-3 text-sm font-semibold">
        {title}
        <span className="text-xs font-normal text-(--muted)">{tasks.length}</span>
      </h2>
      <div className="flex flex-1 flex-col gap-2">
        {tasks.map((task) => (
          <Card key={task.id} task={task} />
        ))}
        {tasks.length === 0 && (
          <p className="rounded-lg border border-dashed border-(--line) p-4 text-center text-xs text-(--muted)">
            Nothing here
          </p>
        )}
      </div>
    </section>
  );
}
