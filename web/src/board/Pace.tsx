import { useMutation, useQueryClient } from "@tanstack/react-query";
import { boards, explain } from "../api/clients";
import type { Board } from "../gen/mission/board/v1/board_pb";

/** Stops the agents of a board, and lets them go on. */
export function Pace({ board }: { board: Board }) {
  const queries = useQueryClient();
  const change = useMutation({
    mutationFn: async () => {
      const boardId = board.id;
      if (board.agentsPaused) await boards.resumeBoard({ boardId });
      else await boards.pauseBoard({ boardId });
      await queries.invalidateQueries({ queryKey: ["board", boardId] });
    },
  });
  return (
    <span className="ml-auto flex flex-wrap items-center gap-3 text-sm">
      {change.error && (
        <span role="alert" className="text-xs text-(--danger)">
          {explain(change.error)}
        </span>
      )}
      {board.agentsPaused && <span className="text-(--warn)">Agents are paused</span>}
      <button
        type="button"
        disabled={change.isPending}
        onClick={() => change.mutate()}
        className="rounded-md border border-(--line) px-3 py-1 text-xs font-medium hover:border-(--accent) disabled:opacity-50"
      >
        {board.agentsPaused ? "Resume agents" : "Pause agents"}
      </button>
    </span>
  );
}
