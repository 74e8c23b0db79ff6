import { useDraggable } from "@dnd-kit/core";
import { TaskPriority, type Task } from "../gen/mission/board/v1/task_pb";

const PRIORITY: Record<TaskPriority, string> = {
  [TaskPriority.UNSPECIFIED]: "",
  [TaskPriority.LOW]: "Low",
  [TaskPriority.MEDIUM]: "Medium",
  [TaskPriority.HIGH]: "High",
  [TaskPriority.URGENT]: "Urgent",
};

export function Card({ task }: { task: Task }) {
  const { attributes, listeners, setNodeRef, transform, isDragging } = useDraggable({
    id: task.id,
    data: { task },
    attributes: { roleDescription: "card" },
  });
  return (
    <article
      ref={setNodeRef}
      {...attributes}
      {...listeners}
      aria-label={task.title}
      data-task-id={task.id}
      style={transform ? { transform: `translate(${transform.x}px, ${transform.y}px)` } : undefined}
      className={`touch-none cursor-grab rounded-lg border border-(--line) bg-(--surface) p-3 shadow-xs select-none ${
        isDragging ? "relative z-10 cursor-grabbing opacity-90 shadow-lg" : ""
      } ${task.isBlocked ? "border-l-4 border-l-(--danger)" : ""}`}
    >
      <h3 className="line-clamp-2 text-sm font-medium">{task.title}</h3>
      <p className="mt-2 flex flex-wrap gap-2 text-xs text-(--muted)">
        <span>{PRIORITY[task.priority]}</span>
        {task.isBlocked && (
          <span className="font-medium text-(--danger)">Blocked by {task.blockedByTaskIds.length}</span>
        )}
        {task.assignedAgentId === undefined ? <span>Unassigned</span> : <span>Assigned</span>}
      </p>
    </article>
  );
}
