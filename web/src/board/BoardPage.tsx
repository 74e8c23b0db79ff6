import {
  DndContext,
  KeyboardSensor,
  PointerSensor,
  useSensor,
  useSensors,
  type DragEndEvent,
} from "@dnd-kit/core";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { Task, TaskStatus } from "../gen/mission/board/v1/task_pb";
import { ConnectionBadge } from "../shell/ConnectionBadge";
import { Notice } from "../shell/Notice";
import { Activity } from "./Activity";
import { Approvals, WaitingBadge } from "./Approvals";
import { Column } from "./Column";
import { Pace } from "./Pace";
import { COLUMNS, inColumn } from "./tasks";
import { useBoard } from "./useBoard";

const route = getRouteApi("/shell/boards/$boardId");

export function BoardPage() {
  const { boardId } = route.useParams();
  return <BoardView key={boardId} boardId={boardId} />;
}

function BoardView({ boardId }: { boardId: string }) {
  const board = useBoard(boardId);
  const sensors = useSensors(
    useSensor(PointerSensor, { activationConstraint: { distance: 4 } }),
    useSensor(KeyboardSensor),
  );

  const drop = ({ active, over }: DragEndEvent) => {
    const task = active.data.current?.["task"] as Task | undefined;
    const status = over?.data.current?.["status"] as TaskStatus | undefined;
    if (task && status !== undefined && status !== task.status) void board.move(task, status);
  };

  return (
    <>
      <header className="flex flex-wrap items-center gap-4 pb-5">
        <Link to="/boards" className="text-sm text-(--muted) hover:text-(--text)">
          Boards
        </Link>
        <h1 className="text-xl font-semibold">{board.board?.name ?? " "}</h1>
        <ConnectionBadge state={board.connection} />
        <WaitingBadge boardId={boardId} />
        {board.board && <Pace board={board.board} />}
      </header>
      {board.problem && <Notice text={board.problem} onDismiss={board.dismiss} />}
      {board.tasks ? (
        <DndContext sensors={sensors} onDragEnd={drop}>
          <div className="flex flex-col gap-4 overflow-x-auto pb-4 sm:flex-row">
            {COLUMNS.map(({ status, title }) => (
              <Column key={status} status={status} title={title} tasks={inColumn(board.tasks!, status)} />
            ))}
          </div>
        </DndContext>
      ) : (
        !board.problem && <BoardSkeleton />
      )}
      {board.board && (
        <div className="grid items-start gap-4 lg:grid-cols-2">
          <Approvals boardId={boardId} />
          <Activity boardId={boardId} />
        </div>
      )}
    </>
  );
}

function BoardSkeleton() {
  return (
    <div aria-busy="true" aria-label="Loading the board" className="flex flex-col gap-4 sm:flex-row">
      {COLUMNS.map(({ title }) => (
        <div key={title} className="h-64 min-w-64 flex-1 animate-pulse rounded-xl bg-(--raised)" />
      ))}
    </div>
  );
}
